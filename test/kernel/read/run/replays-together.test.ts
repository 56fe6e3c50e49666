import { expect, it } from 'vitest';
import type { RecordedEvent } from '../../../../src/kernel/define/event.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { CommitFeed } from '../../../../src/kernel/log/commit-feed.ts';
import { LogHead } from '../../../../src/kernel/log/log-head.ts';
import { PoisonFinder } from '../../../../src/kernel/read/dead-letters/poison-finder.ts';
import { FoldWindow } from '../../../../src/kernel/read/fold/fold-window.ts';
import type { ProjectionTable } from '../../../../src/kernel/read/fold/projection-table.ts';
import { WindowMemory } from '../../../../src/kernel/read/fold/window-memory.ts';
import { BatchPipeline } from '../../../../src/kernel/read/run/batch-pipeline.ts';
import { recorded } from '../../../../src/kernel/testing/recorded.ts';
import { Book, bookNumber, books, Written } from '../../../support/kernel/library.ts';

const BATCH = 2;
const BATCHES = 20;

/** A log whose pages are in memory. */
function logInMemory(): readonly RecordedEvent[] {
  let log: readonly RecordedEvent[] = [];
  for (let nth = 0; nth < BATCH * BATCHES; nth++)
    log = recorded(Book, bookNumber(nth), [Written({ title: 'Emma', author: null, tags: [] })], log);
  return log;
}

/** Folds the whole log into a window. @param onBatch called when a batch is about to be folded. */
async function replay(log: readonly RecordedEvent[], memory: WindowMemory, onBatch: () => void): Promise<void> {
  const handlers = [...books.handlers].map(([type, handler]) => {
    const telling: typeof handler = (event, changes) => {
      if (event.position % BATCH === 1) onBatch();
      return handler(event, changes);
    };
    return [type, telling] as const;
  });
  const projection: Projection = { ...(books as unknown as Projection), handlers: new Map(handlers) };
  const head = new LogHead();
  head.advance(log.length, undefined);
  const pages = { read: async (after: number, limit: number) => log.slice(after, after + limit) };
  const unread = {} as ProjectionTable;
  const pipeline = new BatchPipeline(
    { projection, table: unread, log: pages, feed: new CommitFeed(1), head, batchLimit: BATCH },
    new PoisonFinder(projection.name),
  );
  const window = new FoldWindow(projection, memory, true);
  for (let position = 0; position < log.length; position += BATCH)
    await pipeline.fold(await pipeline.read(position, () => {}), window);
}

it('replays that find everything in memory leave the event loop to the writing of windows after each batch', async () => {
  const log = logInMemory();
  const memory = new WindowMemory();
  const batchesOfTurns = [0];
  let isOver = false;
  const turn = () => {
    batchesOfTurns.push(0);
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const onBatch = () => {
    batchesOfTurns[batchesOfTurns.length - 1]! += 1;
  };
  await Promise.all([1, 2, 3].map(() => replay(log, memory, onBatch)));
  isOver = true;
  expect(batchesOfTurns.reduce((sum, batches) => sum + batches)).toBe(3 * BATCHES);
  // One after the other, whichever replay they belong to.
  expect(Math.max(...batchesOfTurns)).toBeLessThanOrEqual(1);
});
