import { expect, it } from 'vitest';
import { ExecutionQueue } from '../../../src/graphql/live-queries/execution-queue.ts';
import { ActiveCallers } from '../../../src/scheduling/active-callers.ts';
import { OperationWindows } from '../../../src/server/limits/operation-windows.ts';
import { settle } from '../../support/kernel/appends.ts';

const AT_ONCE = 8;
const PER_CALLER = 2;

/** A queue with tasks that end when they are told to. */
function queueOf(activeCallers: ActiveCallers) {
  const windows = new OperationWindows(activeCallers, { operations: PER_CALLER, bytes: 1_000_000 });
  const queue = new ExecutionQueue(AT_ONCE, windows);
  const running: { readonly caller: string; readonly end: () => void }[] = [];
  const add = (caller: string) =>
    queue.run(caller, 10, () => new Promise<void>((end) => running.push({ caller, end })));
  return { add, running };
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

it('executes as many live queries of a caller who is alone as there may be in all', async () => {
  const activeCallers = new ActiveCallers();
  activeCallers.saw('only');
  const { add, running } = queueOf(activeCallers);
  const all = Array.from({ length: 20 }, () => add('only'));
  await settle();
  expect(running).toHaveLength(AT_ONCE);
  for (let ended = 0; ended < all.length; ended++) {
    running.shift()?.end();
    await settle();
  }
  await Promise.all(all);
});
