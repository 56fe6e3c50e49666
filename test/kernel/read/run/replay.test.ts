import { integer, text } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { Checkpoints } from '../../../../src/kernel/checkpoints/checkpoints.ts';
import { defineProjection, type Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { CommitFeed } from '../../../../src/kernel/log/commit-feed.ts';
import { LogHead } from '../../../../src/kernel/log/log-head.ts';
import type { ProjectionMoved } from '../../../../src/kernel/notify/hub.ts';
import { type EngineOccurrences, type FoldedBatch, unobserved } from '../../../../src/kernel/observe/occurrences.ts';
import { ProjectionTable } from '../../../../src/kernel/read/fold/projection-table.ts';
import { WindowMemory } from '../../../../src/kernel/read/fold/window-memory.ts';
import { ProjectionRunner } from '../../../../src/kernel/read/run/projection-runner.ts';
import type { ProjectionRunnerParts } from '../../../../src/kernel/read/run/runner-parts.ts';
import { Observer } from '../../../../src/observe/observer.ts';
import { projectingAsTenant } from '../../../support/kernel/as-tenant.ts';
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
  Renamed,
  Written,
} from '../../../support/kernel/library.ts';
import { expectedHistory, expectedRows, historyOf, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const readSinceTable = readTable('read_since', {
  id: text('id').primaryKey(),
  title: text('title').notNull(),
  author: text('author'),
  pages: integer('pages').notNull(),
});
/** How many pages of a book were read since it was written last: rows that are put as a whole, without being read, and then changed. */
const readSince = defineProjection('readsince', {
  table: readSinceTable,
  events: Book.events,
  visibleTo: 'everyone',
  on: {
    Written: ({ streamId: id, data: { title, author } }, { put }) => put(id, () => ({ id, title, author, pages: 0 })),
    Renamed: ({ data }, { updateWhere }) => updateWhere('author', data.from, (row) => ({ ...row, author: data.to })),
    Read: ({ streamId, data }, { update }) => update(streamId, (row) => ({ ...row, pages: row.pages + data.pages })),
  },
});

const database = useDatabase({ tables: [...libraryTables, readSinceTable], per: 'emptied' });
const openEngine = useEngine(database, [libraryDomain]);
projectingAsTenant([{ projections: [readSince as unknown as Projection] }]);

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

/** A projection that runs from the beginning of the log to wherever its head is. */
async function startRunner(
  engine: TestEngine,
  projection: Projection,
  parts: Partial<Pick<ProjectionRunnerParts, 'table' | 'batchLimit' | 'windowMemory' | 'observer'>> = {},
) {
  const driven = new DrivenProjection(engine, database.sql, projection);
  await driven.beginAt(0);
  const { owner } = driven;
  const [checkpoint] = await database.sql<{ generation: number }[]>`
    select generation from read.checkpoints where projection = ${projection.checkpoint.key}`;
  const { db } = engine.database.projector;
  const head = new LogHead();
  const moved: ProjectionMoved[] = [];
  const runner = new ProjectionRunner({
    ...{ projection, table: new ProjectionTable(db, projection), log: engine.log, owner, batchLimit: SMALL_BATCH },
    ...{ observer: unobserved, clock: engine.clock, feed: new CommitFeed(1), head, checkpoints: new Checkpoints(db) },
    onMoved: (move) => moved.push(move),
    ...parts,
  });
  runner.start({ position: 0, generation: checkpoint!.generation, failure: null });
  const moveTo = async (position: number) => {
    head.advance(position, undefined);
    runner.wake();
    await until(() => runner.position >= position);
  };
  return { runner, moveTo, moved };
}

/** Replays in a window that is too small for any row, so that it drops its rows after each batch. */
async function replayWithoutMemory(engine: TestEngine, projection: Projection, table: ProjectionTable): Promise<void> {
  const { runner, moveTo } = await startRunner(engine, projection, { table, windowMemory: new WindowMemory(1) });
  await moveTo(EVENTS);
  await runner.stop();
}

/** A table to which the connection is lost at the eighth batch, before it is written. */
class BrokenTable extends ProjectionTable {
  writes = 0;

  override async write(...batch: Parameters<ProjectionTable['write']>): ReturnType<ProjectionTable['write']> {
    this.#count();
    return super.write(...batch);
  }

  override async writeParts(...window: Parameters<ProjectionTable['writeParts']>): Promise<number> {
    this.#count();
    return super.writeParts(...window);
  }

  #count(): void {
    if (++this.writes === 8) throw Object.assign(new Error('The connection was lost.'), { code: 'CONNECTION_CLOSED' });
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

  it('tells the observer of its events once they are stored, with how long the oldest has waited', async () => {
    const { engine } = await openLibrary();
    const told: FoldedBatch[] = [];
    const observer = new Observer<EngineOccurrences>([{ batchFolded: (batch) => told.push(batch) }]);
    const { runner, moveTo, moved } = await startRunner(engine, books, { observer });
    await moveTo(EVENTS);
    await runner.stop();
    expect(told[0]).toMatchObject({ position: 44, events: 44, rows: BOOKS });
    expect(told.reduce((sum, { events }) => sum + events, 0)).toBe(EVENTS);
    expect(moved.slice(1).map(({ position, lagMs }) => [position, lagMs])).toEqual(
      told.map(({ position, lagMs }) => [position, lagMs]),
    );
    expect(told[0]?.lagMs).toBeGreaterThan(0);
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

  it('leaves no former state of a large row in memory for the batches after it', async () => {
    const engine = await openEngine();
    const large = Written({ title: 'x'.repeat(10_000), author: 'ann', tags: [] });
    const read = Read({ reader: 'bob', pages: 1 });
    const happened = Array.from({ length: EVENTS }, (_, nth) => [bookNumber(1), nth === 0 ? large : read] as const);
    await engine.log.append(libraryAppends(happened));
    const { runner, moveTo, moved } = await startRunner(engine, readSince);
    for (const position of [SMALL_BATCH, EVENTS - SMALL_BATCH, EVENTS]) await moveTo(position);
    await runner.stop();
    expect(moved.some(({ position }, nth) => position - (moved[nth - 1]?.position ?? 0) > SMALL_BATCH)).toBe(true);
    const events = await engine.log.read(0, 1000);
    expect(await rowsOf(engine.database.projector.db, readSince)).toEqual(expectedRows(readSince, events));
  });

  it('keeps the changes of large rows if batches that need the table come between its windows', async () => {
    const engine = await openEngine();
    const happened = Array.from({ length: EVENTS }, (_, nth) => {
      const author = `author ${nth >> 3}`;
      if (nth === 0) return [bookNumber(1), Written({ title: 'x'.repeat(10_000), author, tags: [] })] as const;
      if (nth % 8 === 0) return [bookNumber(1), Renamed({ from: `author ${(nth >> 3) - 1}`, to: author })] as const;
      return [bookNumber(1), Read({ reader: 'bob', pages: 1 })] as const;
    });
    await engine.log.append(libraryAppends(happened));
    const { runner, moveTo } = await startRunner(engine, readSince);
    await moveTo(EVENTS);
    await runner.stop();
    const events = await engine.log.read(0, 1000);
    expect(await rowsOf(engine.database.projector.db, readSince)).toEqual(expectedRows(readSince, events));
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

  it('goes on with full batches after the event of which Postgres refuses the row', async () => {
    const engine = await openEngine();
    const [events, batchLimit, refused] = [3000, 100, 1501];
    const happened = Array.from({ length: events }, (_, nth) => {
      const book = bookNumber(nth === refused - 1 ? 9 : nth % 9);
      const pages = nth === refused - 1 ? 2 ** 31 : 1;
      return [
        book,
        nth < BOOKS ? Written({ title: `${nth}`, author: 'ann', tags: [] }) : Read({ reader: 'bob', pages }),
      ] as const;
    });
    happened[9] = [bookNumber(9), Written({ title: '9', author: 'ann', tags: [] })];
    await engine.log.append(libraryAppends(happened));
    const { runner, moveTo, moved } = await startRunner(engine, readSince, { batchLimit });
    await moveTo(events);
    await runner.stop();
    const parked = await database.sql`select position from read.dead_letters`;
    expect(parked.map(({ position }) => position)).toEqual([refused]);
    // Besides the batches, the parts of one of them, which is divided until the event is alone.
    expect(moved.length).toBeLessThan(events / batchLimit + 2 * Math.log2(batchLimit));
    const others = (await engine.log.read(0, events)).filter(({ position }) => position !== refused);
    expect(await rowsOf(engine.database.projector.db, readSince)).toEqual(expectedRows(readSince, others));
  });
});
