import { integer, text } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { Checkpoints } from '../../../../src/kernel/checkpoints/checkpoints.ts';
import { defineProjection, type Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { CommitFeed } from '../../../../src/kernel/log/commit-feed.ts';
import { LogHead } from '../../../../src/kernel/log/log-head.ts';
import { unobserved } from '../../../../src/kernel/observe/occurrences.ts';
import { ProjectionTable } from '../../../../src/kernel/read/fold/projection-table.ts';
import { WindowMemory } from '../../../../src/kernel/read/fold/window-memory.ts';
import { ProjectionRunner } from '../../../../src/kernel/read/run/projection-runner.ts';
import { DrivenProjection, type Fault, failing } from '../../../support/kernel/driven-projection.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import {
  Book,
  bookNumber,
  books,
  libraryAppends,
  libraryDomain,
  libraryTables,
  Read,
  Written,
} from '../../../support/kernel/library.ts';
import { expectedHistory, expectedRows, historyOf, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const readSinceTable = readTable('read_since', { id: text('id').primaryKey(), times: integer('times').notNull() });
/** How often a book was read since it was written last: rows that are put as a whole, without being read, and then changed. */
const readSince = defineProjection('readsince', {
  table: readSinceTable,
  events: Book.events,
  visibleTo: 'everyone',
  on: {
    Written: ({ streamId: id }, { put }) => put(id, () => ({ id, times: 0 })),
    Read: ({ streamId }, { update }) => update(streamId, (row) => ({ ...row, times: row.times + 1 })),
  },
});

const database = useDatabase({ tables: [...libraryTables, readSinceTable] });
const openEngine = useEngine(database, [libraryDomain]);

const BOOKS = 10;
const EVENTS = 60;
/** Of so many events each, the first 22 batches of the log are far enough from its end to be folded together. */
const SMALL_BATCH = 2;
/** With batches of this size, the end of the log is always near. */
const LARGE_BATCH = 10;

/** Books that are written, then read in turn. @param pages of the reading at each position. */
async function openLibrary(pages: Readonly<Record<number, number>> = {}) {
  const engine = await openEngine();
  const happened = Array.from({ length: EVENTS }, (_, nth) => {
    const book = bookNumber(nth % BOOKS);
    return [
      book,
      nth < BOOKS
        ? Written({ title: `${nth}`, author: 'ann', tags: [] })
        : Read({ reader: 'bob', pages: pages[nth + 1] ?? 1 }),
    ] as const;
  });
  await engine.log.append(libraryAppends(happened));
  const { db } = engine.database.projector;
  const replay = async (batchLimit: number, faults: ReadonlyMap<number, Fault> = new Map()) => {
    await database.sql`truncate read.books_v1, read.books_history_v1`;
    const driven = new DrivenProjection(engine, database.sql, failing(books, faults));
    await driven.beginAt(0);
    await driven.moveTo(EVENTS, batchLimit);
    const parked = await database.sql`select key, position from read.dead_letters order by position, key`;
    return {
      driven,
      left: { rows: await rowsOf(db, books), history: await historyOf(db, books), parked: [...parked] },
    };
  };
  return { engine, replay };
}

/** Replays in a window that is too small for any row, so that it drops its rows after each batch. */
async function replayWithoutMemory(engine: TestEngine, projection: Projection, table: ProjectionTable): Promise<void> {
  const driven = new DrivenProjection(engine, database.sql, projection);
  await driven.beginAt(0);
  const { owner } = driven;
  const [checkpoint] = await database.sql<{ generation: number }[]>`
    select generation from read.checkpoints where projection = ${projection.checkpoint.key}`;
  const checkpoints = new Checkpoints(engine.database.projector.db);
  const head = new LogHead();
  head.advance(EVENTS, undefined);
  const runner = new ProjectionRunner({
    ...{
      projection,
      table,
      log: engine.log,
      owner,
      batchLimit: SMALL_BATCH,
      observer: unobserved,
      clock: engine.clock,
    },
    ...{ feed: new CommitFeed(1), head, checkpoints, onMoved: () => {}, onError: () => {} },
    windowMemory: new WindowMemory(1),
  });
  runner.start({ position: 0, generation: checkpoint!.generation, failure: null });
  await until(() => runner.position === EVENTS);
  await runner.stop();
}

/** A table to which the connection is lost at the eighth batch, before it is written. */
class BrokenTable extends ProjectionTable {
  writes = 0;

  override async write(...batch: Parameters<ProjectionTable['write']>): ReturnType<ProjectionTable['write']> {
    if (++this.writes === 8) throw Object.assign(new Error('The connection was lost.'), { code: 'CONNECTION_CLOSED' });
    return super.write(...batch);
  }
}

describe('a replay', () => {
  it('writes the rows of many batches together, and moves the checkpoint once for them', async () => {
    const { engine, replay } = await openLibrary();
    const { driven, left } = await replay(SMALL_BATCH);
    const [, first, second, ...others] = driven.moved.map(({ position }) => position);
    expect([first, second, others.at(-1)]).toEqual([44, 46, EVENTS]);
    const events = await engine.log.read(0, 1000);
    expect(left.rows).toEqual(expectedRows(books, events));
    expect(left.history).toEqual(expectedHistory(books, events));
  });

  it('reads rows again that it does not have in memory any more', async () => {
    const { engine } = await openLibrary();
    const table = new BrokenTable(engine.database.projector.db, books);
    await replayWithoutMemory(engine, books, table);
    expect(table.writes).toBeGreaterThan(EVENTS / SMALL_BATCH);
    expect(await rowsOf(table.db, books)).toEqual(expectedRows(books, await engine.log.read(0, 1000)));
  });

  it('does not use a row that was read before a newer one was written as a whole', async () => {
    const engine = await openEngine();
    const two = [bookNumber(1), bookNumber(2)];
    const happened = Array.from({ length: EVENTS / 4 }, () => [
      ...two.map((book) => [book, Written({ title: 'Emma', author: null, tags: [] })] as const),
      ...two.map((book) => [book, Read({ reader: 'bob', pages: 1 })] as const),
    ]).flat();
    await engine.log.append(libraryAppends(happened));
    const table = new ProjectionTable(engine.database.projector.db, readSince);
    await replayWithoutMemory(engine, readSince, table);
    expect(await rowsOf(table.db, readSince)).toEqual(expectedRows(readSince, await engine.log.read(0, 1000)));
  });

  it.each<Fault>(['handler', 'fold'])(
    'parks what it would park batch by batch if a %s throws in its midst',
    async (fault) => {
      const { replay } = await openLibrary();
      const faults = new Map([23, 24, 41].map((position) => [position, fault]));
      const { left } = await replay(SMALL_BATCH, faults);
      expect(left.parked.map(({ position }) => position)).toEqual([23, 24, 33, 34, 41, 43, 44, 51, 53, 54]);
      expect(left).toEqual((await replay(LARGE_BATCH, faults)).left);
    },
  );

  it('finds the event of which Postgres refuses the row, and writes all others', async () => {
    const { replay } = await openLibrary({ 27: 2 ** 31 - 1 });
    const { left } = await replay(SMALL_BATCH);
    expect(left.parked.map(({ position }) => position)).toEqual([27, 37, 47, 57]);
    expect(left).toEqual((await replay(LARGE_BATCH)).left);
  });
});
