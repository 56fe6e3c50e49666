import { expect, it } from 'vitest';
import { ExecutionQueue } from '../../../src/graphql/live-queries/execution-queue.ts';
import { ActiveCallers } from '../../../src/scheduling/active-callers.ts';
import { OperationWindows } from '../../../src/server/limits/operation-windows.ts';
import { settle } from '../../support/kernel/appends.ts';

const AT_ONCE = 8;
const PER_CALLER = 2;
/** Places that one caller can have: three quarters. */
const MOST_OF_ONE = 6;

/** A queue with tasks that end when they are told to. */
function queueOf(activeCallers: ActiveCallers, perCaller = PER_CALLER) {
  const windows = new OperationWindows(activeCallers, { operations: perCaller, bytes: 1_000_000 });
  const queue = new ExecutionQueue(AT_ONCE, windows);
  const running: { readonly caller: string; readonly end: () => void }[] = [];
  const add = (caller: string) =>
    queue.run(caller, 10, () => new Promise<void>((end) => running.push({ caller, end })));
  return { add, running, windows };
}

it('executes few live queries of a caller at a time while others use the server, and the others at once', async () => {
  const activeCallers = new ActiveCallers();
  activeCallers.saw('innocent');
  activeCallers.saw('greedy');
  const { add, running } = queueOf(activeCallers);
  const all = Array.from({ length: 20 }, () => add('greedy'));
  await settle();
  expect(running.map(({ caller }) => caller)).toEqual(['greedy', 'greedy']);
  const other = add('innocent');
  await settle();
  expect(running.map(({ caller }) => caller)).toEqual(['greedy', 'greedy', 'innocent']);
  running.at(2)?.end();
  await other;
  for (let ended = 0; ended < all.length; ended++) {
    running
      .splice(
        running.findIndex(({ caller }) => caller === 'greedy'),
        1,
      )[0]
      ?.end();
    await settle();
    expect(running.filter(({ caller }) => caller === 'greedy').length).toBeLessThanOrEqual(PER_CALLER);
  }
  await Promise.all(all);
});

it('never gives one caller all places, also not one who was alone', async () => {
  const activeCallers = new ActiveCallers();
  activeCallers.saw('greedy');
  const { add, running } = queueOf(activeCallers);
  const all = Array.from({ length: 20 }, () => add('greedy'));
  await settle();
  expect(running).toHaveLength(MOST_OF_ONE);
  const other = add('innocent');
  await settle();
  expect(running.at(-1)?.caller).toBe('innocent');
  running.pop()?.end();
  await other;
  for (let ended = 0; ended < all.length; ended++) {
    running.shift()?.end();
    await settle();
    expect(running.length).toBeLessThanOrEqual(MOST_OF_ONE);
  }
  await Promise.all(all);
});

it('leaves the window of a caller to their operations while their live queries wait for those of others', async () => {
  const activeCallers = new ActiveCallers();
  for (const caller of ['greedy', 'hungry', 'innocent']) activeCallers.saw(caller);
  const { add, running, windows } = queueOf(activeCallers, AT_ONCE);
  const all = [...Array(MOST_OF_ONE).fill('greedy'), ...Array(AT_ONCE - MOST_OF_ONE).fill('hungry')].map(add);
  await settle();
  expect(running).toHaveLength(AT_ONCE);
  const waiting = Array.from({ length: AT_ONCE }, () => add('innocent'));
  await settle();
  const places = Array.from({ length: AT_ONCE }, () => windows.enter('innocent', 10));
  for (const place of places) expect(place).toBeTypeOf('function');
  for (const place of places) if (typeof place === 'function') place();
  for (let ended = 0; ended < all.length + waiting.length; ended++) {
    running.shift()?.end();
    await settle();
  }
  await Promise.all([...all, ...waiting]);
});
