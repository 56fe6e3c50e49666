import { randomUUID } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import { Checkpoints } from '../../../../src/kernel/checkpoints/checkpoints.ts';
import type { RecordedEvent } from '../../../../src/kernel/define/event.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { CommitFeed } from '../../../../src/kernel/log/commit-feed.ts';
import { foldBatch, planBatch } from '../../../../src/kernel/read/fold/fold-batch.ts';
import { prefetchBatch } from '../../../../src/kernel/read/fold/prefetched-batch.ts';
import { ProjectionTable } from '../../../../src/kernel/read/fold/projection-table.ts';
import { ProjectionRunner } from '../../../../src/kernel/read/run/projection-runner.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { leaseTo } from '../../../support/kernel/leased.ts';
import {
  bookNumber,
  books,
  libraryAppends,
  libraryDomain,
  libraryEvents,
  libraryTables,
  readings,
  Written,
} from '../../../support/kernel/library.ts';
import { eachFault } from '../../../support/kernel/observers.ts';
import { expectedHistory, expectedRows, historyOf, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { fc } from '../../../support/properties.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: libraryTables, per: 'emptied' });
const openEngine = useEngine(database, [libraryDomain]);
const projections: readonly Projection[] = [books, readings];
const owner = randomUUID();
let engine: TestEngine;

beforeEach(async () => {
  engine = await openEngine();
  await leaseTo(owner, engine, projections);
});

/** A table of which one read has to wait, as it would for a lock. */
class HeldTable extends ProjectionTable {
  readonly gate = Promise.withResolvers<void>();
  #reads = 0;

  override async read(...wanted: Parameters<ProjectionTable['read']>): ReturnType<ProjectionTable['read']> {
    if (++this.#reads === 2) await this.gate.promise;
    return super.read(...wanted);
  }
}

it('a batch that was read ahead counts as work in progress while it waits, and is applied afterwards', async () => {
  const { projector, log, database: opened } = engine;
  const titles = ['One', 'Two', 'Three', 'Four', 'Five', 'Six'];
  await log.append(
    libraryAppends(titles.map((title, nth) => [bookNumber(nth + 1), Written({ title, author: null, tags: [] })])),
  );
  await projector.refreshHead();
  const table = new HeldTable(opened.projector.db, books);
  const runner = new ProjectionRunner({
    ...{ projection: books, table, log, owner, batchLimit: 2, clock: engine.clock },
    ...{ feed: new CommitFeed(1), head: projector.head, checkpoints: new Checkpoints(opened.projector.db) },
    onMoved: () => {},
    observer: eachFault(({ error }) => {
      throw error;
    }),
  });
  runner.start({ position: 0, generation: 1, failure: null });
  await until(() => runner.position === 2 && runner.inProgress?.first?.position === 3);
  expect(runner.inProgress?.after).toBe(2);
  table.gate.resolve();
  await until(() => runner.position === titles.length);
  await runner.stop();
  expect(await rowsOf(opened.projector.db, books)).toHaveLength(titles.length);
});

it('a batch that is prefetched before the previous one is written has the same rows as one that is read afterwards', async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(libraryEvents, fc.integer({ min: 1, max: 9 }), async (happened, size) => {
      const { position: began } = await engine.log.head();
      await database.sql`truncate read.books_v1, read.readings_v1, read.books_history_v1, read.readings_history_v1`;
      await database.sql`update read.checkpoints set position = ${began}`;
      await engine.log.append(libraryAppends(happened));
      const events = await engine.log.read(began, 1000);
      for (const projection of projections) made += await replay(projection, events, size);
    }),
    { numRuns: 60 },
  );
  expect(made).toBeGreaterThan(10);
});

/** Replays events in batches, each ready before the one ahead of it is written where that can be. @returns how many were. */
async function replay(projection: Projection, events: readonly RecordedEvent[], size: number): Promise<number> {
  const { db } = engine.database.projector;
  const table = new ProjectionTable(db, projection);
  let planned: Awaited<ReturnType<typeof prefetchBatch>>['planned'];
  let made = 0;
  for (let at = 0; at < events.length; at += size) {
    const batch = events.slice(at, at + size);
    const plan = planBatch(projection, batch);
    const present = planned?.present ?? (await table.read(plan));
    const writes = foldBatch(projection, planned?.plan ?? plan, present);
    const next = events.slice(at + size, at + 2 * size);
    planned = (await prefetchBatch(projection, table, next, writes)).planned;
    if (planned && next.length > 0) made++;
    const [from, to] = [batch[0]!.position - 1, batch.at(-1)!.position];
    await table.write(writes, { from, to, owner, generation: 1 });
  }
  expect(await rowsOf(db, projection)).toEqual(expectedRows(projection, events));
  expect(await historyOf(db, projection)).toEqual(expectedHistory(projection, events));
  return made;
}
