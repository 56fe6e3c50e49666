import { expect, it } from 'vitest';
import { Hub } from '../../../../src/kernel/notify/hub.ts';
import { unobserved } from '../../../../src/kernel/observe/occurrences.ts';
import { WriteCosts } from '../../../../src/kernel/read/run/write-costs.ts';
import { aftermathIn, type RunningReadModels } from '../../../../src/kernel/read/status/aftermath.ts';

/** Read models at position 5, unless the test says otherwise. */
function readModels(states: Record<string, Partial<ReturnType<RunningReadModels['status']>[number]>>) {
  const hub = new Hub(unobserved);
  const positions = new Map(Object.keys(states).map((name) => [name, 5]));
  const { applied } = aftermathIn({
    positions: { of: (name) => positions.get(name) ?? 0 },
    hub,
    costs: new WriteCosts(),
    status: () => Object.entries(states).map(([name, rest]) => ({ name, state: 'RUNNING', isServed: true, ...rest })),
  });
  const move = (projection: string, position: number) => {
    positions.set(projection, position);
    hub.publish({ projection, position, keys: null, lagMs: 0 });
  };
  return { applied, move };
}

/** Whether a wait is over once everything that waits for nothing has happened. */
async function isOver(wait: Promise<void>): Promise<boolean> {
  let over = false;
  void wait.then(() => {
    over = true;
  });
  await new Promise(setImmediate);
  return over;
}

it('events are applied when the last read model has reached them', async () => {
  const { applied, move } = readModels({ orders: {}, notes: {} });
  const wait = applied(7, 60_000);
  move('orders', 8);
  move('notes', 6);
  expect(await isOver(wait)).toBe(false);
  move('notes', 7);
  expect(await isOver(wait)).toBe(true);
  expect(await isOver(applied(7, 60_000))).toBe(true);
});

it('read models that stand still or are being filled are not waited for', async () => {
  const { applied } = readModels({ a: { state: 'STALLED' }, b: { state: 'REBUILDING' }, c: { isServed: false } });
  expect(await isOver(applied(7, 60_000))).toBe(true);
});

it('a read model that does not get there is waited for as long as the caller says', async () => {
  const { applied } = readModels({ orders: {} });
  const began = performance.now();
  await applied(7, 20);
  expect(performance.now() - began).toBeGreaterThanOrEqual(15);
});
