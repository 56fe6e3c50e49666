import { describe, expect, it, vi } from 'vitest';
import { ThrottledError } from '../../../../src/kernel/errors.ts';
import {
  type Aftermath,
  CommandWindows,
  type WindowLimits,
} from '../../../../src/kernel/write/admission/command-window.ts';
import { ActiveCallers } from '../../../../src/scheduling/active-callers.ts';

const ROOMY = { count: 1000, bytes: 1_000_000 };
const nothing = {};

/** Windows whose commands end when the test says so. */
function windows(limits: Partial<WindowLimits> = {}, aftermath?: Aftermath) {
  const activeCallers = new ActiveCallers(() => 0);
  const roomy = { running: { count: 2, bytes: 10_000 }, waiting: ROOMY, waitingOfAll: ROOMY };
  const all = new CommandWindows(activeCallers, { ...roomy, ...limits }, aftermath);
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

const ONE = { running: { count: 1, bytes: 1_000_000 } };

const appendedBy = (bytes: number, position: number) => ({ commandId: 'c', bytes, position, nameCaller: true });

/** Read models that have applied nothing until the test says so. */
function aftermath(usualMs: Record<string, number> = {}) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked: number[] = [];
  const applied = (position: number) => {
    asked.push(position);
    return promise;
  };
  const issued: string[] = [];
  return {
    applied,
    issued: (commandId: string, caller: string) => issued.push(`${commandId} ${caller}`),
    usualMs: (caller: string) => usualMs[caller] ?? 0,
    ...{ asked, told: issued, resolve },
  };
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
    void all.execute('ann', nothing, true, async ({ appended }) => appended(appendedBy(9_000, 1)));
    await new Promise(setImmediate);
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

  it('are followed by the next ones only once read models have applied their large events, but answered at once', async () => {
    const read = aftermath();
    const { all, activeCallers, begun, send, end } = windows(ONE, read);
    activeCallers.saw('bob');
    const answer = all.execute('ann', nothing, true, async ({ appended }) => {
      appended(appendedBy(200_000, 7));
      return 'answered';
    });
    void send('ann', 'a2');
    void send('bob', 'b1');
    expect(await answer).toBe('answered');
    await end('b1');
    expect(begun).toEqual(['b1']);
    expect(read.asked).toEqual([7]);
    read.resolve();
    await vi.waitFor(() => expect(begun).toEqual(['b1', 'a2']));
  });

  it('are followed by the next ones in the same way after small events, if those take read models long', async () => {
    const read = aftermath({ ann: 50 });
    const { all, activeCallers, begun, send, end } = windows(ONE, read);
    activeCallers.saw('bob');
    for (const caller of ['ann', 'bob']) {
      void all.execute(caller, nothing, true, async ({ appended }) => appended(appendedBy(100, 7)));
      void send(caller, caller);
    }
    await end('bob');
    expect(begun).toEqual(['bob']);
    read.resolve();
    await vi.waitFor(() => expect(begun).toEqual(['bob', 'ann']));
  });

  it('tell the read models whose they are, if their events do not', async () => {
    const read = aftermath();
    const { all } = windows(ONE, read);
    for (const nameCaller of [true, false]) {
      await all.execute('anonymous:203.0.113.7', nothing, true, async ({ appended }) => {
        appended({ ...appendedBy(100, 7), commandId: `${nameCaller}`, nameCaller });
      });
    }
    expect(read.told).toEqual(['false anonymous:203.0.113.7']);
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
