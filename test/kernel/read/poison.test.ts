import { describe, expect, it } from 'vitest';
import { defineProjection } from '../../../src/kernel/define/projection.ts';
import { useDatabase } from '../../support/database.ts';
import { type TestEngine, useEngine } from '../../support/engine.ts';
import {
  Book,
  bookNumber,
  books,
  booksTable,
  libraryAppends,
  libraryDomain,
  Read,
  readings,
  readingsTable,
  Written,
} from '../../support/library.ts';
import { expectedRows, rowsOf } from '../../support/rows.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [booksTable, readingsTable] });
const openEngine = useEngine(database, [libraryDomain]);

/** Like `books`, but it cannot stand the reader Eve. */
const touchy = defineProjection('books', {
  table: booksTable,
  events: Book.events,
  visibleTo: 'everyone',
  on: {
    Written: (event, changes) => books.handlers.get('Written')!(event, changes as never) as never,
    Read: (event, changes) => {
      if (event.data.reader === 'eve') throw new Error('Eve cannot read.');
      return books.handlers.get('Read')!(event, changes as never) as never;
    },
  },
});
const touchyDomain = { ...libraryDomain, projections: [touchy, readings] };

const written = (n: number) => [bookNumber(n), Written({ title: `${n}`, author: 'ann', tags: [] })] as const;
const read = (n: number, reader: string) => [bookNumber(n), Read({ reader, pages: 1 })] as const;
const append = ({ log }: Pick<TestEngine, 'log'>, ...happened: Parameters<typeof libraryAppends>[0][number][]) =>
  log.append(libraryAppends(happened));
const statusOf = ({ projector }: TestEngine, name: string) => projector.status().find((status) => status.name === name);
const failureInTable = async () =>
  (await database.sql`select failure from read.checkpoints where projection = 'books'`)[0]?.failure;

describe('a handler that throws', () => {
  it('stalls its own projection, right before the event, and no other', async () => {
    const engine = await openEngine({ domains: [touchyDomain] });
    await append(engine, written(1), read(1, 'cid'), read(1, 'eve'), read(1, 'dan'));
    await engine.start();
    await until(() => statusOf(engine, 'books')?.state === 'STALLED');
    const failure = 'Projection books failed at position 3 (Read): Eve cannot read.';
    expect(statusOf(engine, 'books')).toMatchObject({ position: 2, lag: 2, failure });
    expect(await engine.projector.positions.reached('readings', 4, { timeoutMs: 5000 })).toBe(true);
    expect(statusOf(engine, 'readings')).toMatchObject({ state: 'RUNNING', position: 4, failure: null });
    await until(async () => (await failureInTable()) === failure);
    expect(await rowsOf(engine.database.projector.db, books)).toEqual(expectedRows(books, await engine.log.read(0, 2)));
    expect(engine.faults[0]).toMatchObject({ context: { projection: 'books', position: 2 } });
  });

  it('is tried again, and a server whose code is right goes on and says so', async () => {
    const wrong = await openEngine({ domains: [touchyDomain] });
    await append(wrong, written(1), read(1, 'eve'));
    await wrong.start();
    await until(failureInTable);
    await wrong.close();
    const right = await openEngine({ start: true });
    expect(await right.projector.positions.reached('books', 2, { timeoutMs: 5000 })).toBe(true);
    await until(async () => (await failureInTable()) === null);
    expect(statusOf(right, 'books')).toMatchObject({ state: 'RUNNING', failure: null });
  });

  it('is told of by servers that do not own the projection too', async () => {
    const owner = await openEngine({ start: true, domains: [touchyDomain] });
    const other = await openEngine({ start: true });
    await append(owner, written(1), read(1, 'eve'));
    await until(() => statusOf(other, 'books')?.state === 'STALLED');
    expect(statusOf(other, 'books')?.failure).toContain('Eve cannot read.');
  });
});

describe('an event that cannot be read', () => {
  const spoil = (position: number, type: string, data: object) =>
    database.sql`insert into es.events
      select ${position}, stream_type, gen_random_uuid(), 1, ${type}, 1, ${database.sql.json(data as never)}, metadata, gen_random_uuid(), null,
             gen_random_uuid(), occurred_at, recorded_at from es.events where position = 1`;

  it('stalls those who look at its type, right before it', async () => {
    const engine = await openEngine();
    await append(engine, written(1));
    await spoil(2, 'Written', { nonsense: true });
    await append(engine, read(1, 'cid'));
    await engine.start();
    await until(() => statusOf(engine, 'books')?.state === 'STALLED');
    expect(statusOf(engine, 'books')).toMatchObject({ position: 1 });
    expect(statusOf(engine, 'books')?.failure).toMatch(/^Written \(schema version 1\) at position 2 cannot be read/);
    expect(await engine.projector.positions.reached('readings', 3, { timeoutMs: 5000 })).toBe(true);
  });

  it('of a type that no projection looks at stalls none', async () => {
    const engine = await openEngine();
    await append(engine, written(1));
    await spoil(2, 'Forgotten', {});
    await append(engine, read(1, 'cid'));
    await engine.start();
    for (const name of ['books', 'readings']) {
      expect(await engine.projector.positions.reached(name, 3, { timeoutMs: 5000 })).toBe(true);
    }
  });
});

describe('a hole in the log', () => {
  it('is corruption: the projection stalls right before it and says so', async () => {
    const engine = await openEngine();
    await append(engine, written(1));
    await database.sql`insert into es.events
      select 3, stream_type, gen_random_uuid(), 1, type, 1, data, metadata, gen_random_uuid(), null,
             gen_random_uuid(), occurred_at, recorded_at from es.events`;
    await engine.start();
    await until(() => statusOf(engine, 'books')?.state === 'STALLED');
    expect(statusOf(engine, 'books')).toMatchObject({ position: 1, failure: expect.stringContaining('hole') });
  });
});

describe('a row that Postgres refuses', () => {
  const huge = (n: number) => [bookNumber(n), Read({ reader: 'cid', pages: 2 ** 31 })] as const;

  it('stalls its projection right before its event, in words without the row’s values, and no other', async () => {
    const engine = await openEngine({ domains: [{ ...libraryDomain, projections: [books] }] });
    await append(engine, written(1), written(2), read(2, 'ann'), written(3), huge(1), written(4));
    await engine.start();
    await until(() => statusOf(engine, 'books')?.state === 'STALLED');
    const failure = 'Projection books failed at position 5: Postgres refused its change (SQLSTATE 22003)';
    expect(statusOf(engine, 'books')).toMatchObject({ position: 4, failure });
    await until(async () => (await failureInTable()) === failure);
    expect((await database.sql`select id from read.books`).length).toBe(3);
  });
});

describe('a projection that is behind', () => {
  it('says how long the oldest event has waited, not the newest', async () => {
    const engine = await openEngine({ domains: [touchyDomain] });
    await append(engine, written(1), read(1, 'eve'));
    const began = Date.now();
    await engine.start();
    await until(() => statusOf(engine, 'books')?.state === 'STALLED');
    await until(() => Date.now() - began > 1500);
    await append(engine, written(2));
    await engine.projector.look();
    expect(statusOf(engine, 'books')).toMatchObject({ position: 1, lag: 2 });
    expect(statusOf(engine, 'books')?.lagMs).toBeGreaterThanOrEqual(1500);
  });
});
