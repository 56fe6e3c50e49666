import { describe, expect, it } from 'vitest';
import { ThrottledError } from '../../../../src/kernel/errors.ts';
import { CommandWindows, type WindowLimits } from '../../../../src/kernel/write/admission/command-window.ts';
import { ActiveCallers } from '../../../../src/scheduling/active-callers.ts';

const ROOMY = { count: 1000, bytes: 1_000_000 };
const nothing = {};

/** Windows whose commands end when the test says so. */
function windows(limits: Partial<WindowLimits> = {}) {
  const activeCallers = new ActiveCallers(() => 0);
  const all = new CommandWindows(activeCallers, {
    running: { count: 2, bytes: 10_000 },
    waiting: ROOMY,
    waitingOfAll: ROOMY,
    ...limits,
  });
  const begun: string[] = [];
  const running = new Map<string, PromiseWithResolvers<void>>();
  const send = (caller: string, name: string, input: unknown = nothing, isRefusable = true) => {
    const work = Promise.withResolvers<void>();
    running.set(name, work);
    return all.execute(caller, input, isRefusable, () => {
      begun.push(name);
      return work.promise;
    });
  };
  // The next one begins in microtasks.
  const end = (name: string) => {
    running.get(name)?.resolve();
    return new Promise(setImmediate);
  };
  const fail = (name: string) => {
    running.get(name)?.reject(new Error('bad'));
    return new Promise(setImmediate);
  };
  return { all, activeCallers, begun, send, end, fail };
}

describe('the commands of a caller', () => {
  it('are all executed at once while nobody else is there', () => {
    const { begun, send } = windows();
    for (const name of ['a1', 'a2', 'a3', 'a4']) void send('ann', name);
    expect(begun).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  it('are executed a few at a time, in order, while others are there', async () => {
    const { activeCallers, begun, send, end } = windows();
    activeCallers.saw('bob');
    for (const name of ['a1', 'a2', 'a3', 'a4']) void send('ann', name);
    expect(begun).toEqual(['a1', 'a2']);
    await end('a2');
    expect(begun).toEqual(['a1', 'a2', 'a3']);
    void send('bob', 'b1');
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1']);
    await end('a1');
    await end('a3');
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'a4']);
  });

  it('are limited by their bytes, and one that is larger than the limit is executed alone', async () => {
    const { activeCallers, begun, send, end } = windows();
    activeCallers.saw('bob');
    const large = { content: 'x'.repeat(20_000) };
    void send('ann', 'a1', large);
    void send('ann', 'a2');
    expect(begun).toEqual(['a1']);
    await end('a1');
    void send('ann', 'a3', large);
    expect(begun).toEqual(['a1', 'a2']);
    await end('a2');
    expect(begun).toEqual(['a1', 'a2', 'a3']);
  });

  it('have as much room as the events of their caller usually take, if these are larger than the inputs', async () => {
    const { all, activeCallers, begun, send, end } = windows();
    activeCallers.saw('bob');
    all.took('ann', 9_000);
    for (const name of ['a1', 'a2']) void send('ann', name);
    for (const name of ['b1', 'b2']) void send('bob', name);
    expect(begun).toEqual(['a1', 'b1', 'b2']);
    await end('a1');
    expect(begun).toEqual(['a1', 'b1', 'b2', 'a2']);
  });

  it('make room when they fail', async () => {
    const { activeCallers, begun, send, fail } = windows({ running: { count: 1, bytes: 10_000 } });
    activeCallers.saw('bob');
    const first = expect(send('ann', 'a1')).rejects.toThrow('bad');
    void send('ann', 'a2');
    await fail('a1');
    await first;
    expect(begun).toEqual(['a1', 'a2']);
  });

  it('are refused if too many of the caller wait, unless they continue accepted work', async () => {
    const { activeCallers, begun, send, end } = windows({ waiting: { count: 1, bytes: 1_000_000 } });
    activeCallers.saw('bob');
    for (const name of ['a1', 'a2', 'a3']) void send('ann', name);
    await expect(send('ann', 'a4')).rejects.toThrow(ThrottledError);
    void send('ann', 'a5', nothing, false);
    void send('bob', 'b1');
    for (const name of ['a1', 'a2', 'a3']) await end(name);
    expect(begun).toEqual(['a1', 'a2', 'b1', 'a3', 'a5']);
  });

  it('are refused if the commands of all that wait have too many bytes', async () => {
    const { activeCallers, send } = windows({ waitingOfAll: { count: 1000, bytes: 50_000 } });
    activeCallers.saw('bob');
    const large = { content: 'x'.repeat(20_000) };
    void send('ann', 'a1', large);
    void send('ann', 'a2', large);
    void send('bob', 'b1', large);
    await expect(send('bob', 'b2', large)).rejects.toThrow(ThrottledError);
  });
});
