import { describe, expect, it } from 'vitest';
import { ActiveCallers } from '../../src/scheduling/active-callers.ts';
import { CallerWindows, type LeaveWindow } from '../../src/scheduling/caller-windows.ts';

/** Windows of two tasks or ten kilos, and the tasks that have begun. */
function openWindows() {
  const activeCallers = new ActiveCallers(() => 0);
  const windows = new CallerWindows(activeCallers, { count: 2, weight: 10 });
  const leaves = new Map<string, LeaveWindow>();
  const enter = (caller: string, name: string, weight = 1) => {
    const place = windows.enter(caller, weight);
    if (typeof place === 'function') leaves.set(name, place);
    else void place.then((leave) => leaves.set(name, leave));
  };
  const leave = async (name: string) => {
    leaves.get(name)?.();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { activeCallers, windows, enter, leave, begun: () => [...leaves.keys()] };
}

describe('the tasks of a caller', () => {
  it('all begin at once while nobody else is there', () => {
    const { activeCallers, enter, begun } = openWindows();
    activeCallers.saw('ann');
    for (const name of ['a1', 'a2', 'a3']) enter('ann', name, 10);
    expect(begun()).toEqual(['a1', 'a2', 'a3']);
  });

  it('begin a few at a time, in order, while others are there, who do not wait for them', async () => {
    const { activeCallers, windows, enter, leave, begun } = openWindows();
    activeCallers.saw('bob');
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter('ann', name);
    enter('bob', 'b1');
    expect(begun()).toEqual(['a1', 'a2', 'b1']);
    expect(windows.waitingOf('ann')).toEqual({ count: 2, weight: 2 });
    expect(windows.waiting).toEqual({ count: 2, weight: 2 });
    await leave('a2');
    expect(begun()).toEqual(['a1', 'a2', 'b1', 'a3']);
    await leave('a1');
    expect(begun()).toEqual(['a1', 'a2', 'b1', 'a3', 'a4']);
    expect(windows.waiting).toEqual({ count: 0, weight: 0 });
  });

  it('begin only if they are light enough together, and a heavy one alone', async () => {
    const { activeCallers, enter, leave, begun } = openWindows();
    activeCallers.saw('bob');
    enter('ann', 'a1', 6);
    enter('ann', 'a2', 20);
    // It is light, but it came later.
    enter('ann', 'a3', 1);
    expect(begun()).toEqual(['a1']);
    await leave('a1');
    expect(begun()).toEqual(['a1', 'a2']);
    await leave('a2');
    expect(begun()).toEqual(['a1', 'a2', 'a3']);
  });

  it('give their place back once, however often they end', async () => {
    const { activeCallers, enter, leave, begun } = openWindows();
    activeCallers.saw('bob');
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter('ann', name);
    await leave('a1');
    await leave('a1');
    expect(begun()).toEqual(['a1', 'a2', 'a3']);
  });

  it('that fail give their place back', async () => {
    const { activeCallers, windows } = openWindows();
    activeCallers.saw('bob');
    await expect(windows.run('ann', 10, () => Promise.reject(new Error('bad')))).rejects.toThrow('bad');
    expect(windows.isOpen('ann', 10)).toBe(true);
  });
});
