import { describe, expect, it } from 'vitest';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import {
  Book,
  bookNumber,
  books,
  booksTable,
  libraryAppends,
  libraryDomain,
  libraryTables,
  Read,
  readings,
  Written,
} from '../../../support/kernel/library.ts';
import { expectedRows, rowsOf } from '../../../support/kernel/rows.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: libraryTables });
const openEngine = useEngine(database, [libraryDomain]);

/** Like `books`, but it cannot stand the reader Eve. */
const touchy = defineProjection('books', {
  table: booksTable,
  history: true,
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
  (await database.sql`select failure from read.checkpoints where projection = 'books@1'`)[0]?.failure;

const staleRows = async () =>
  (await database.sql`select id, stale_since from read.books_v1 where stale_since is not null`).map((row) => ({
    ...row,
  }));
const waiting = async (projection = 'books@1') =>
  (
    await database.sql`select key, position, partial, error from read.dead_letters
                       where projection = ${projection} and status = 'PARKED' order by position, key`
  ).map((row) => ({ ...row }));
const keyOf = (n: number) => `Book/${bookNumber(n)}`;
const reached = ({ projector }: TestEngine, name: string, position: number) =>
  projector.positions.reached(name, position, { timeoutMs: 30_000 });

describe('a handler that throws', () => {
  it('parks the stream of its event, in order, while all other rows go on', async () => {
    const engine = await openEngine({ domains: [touchyDomain] });
    await append(engine, written(1), written(2), read(1, 'eve'), read(2, 'cid'), read(1, 'dan'));
    await engine.start();
    expect(await reached(engine, 'books', 5)).toBe(true);
    const error = 'Projection books failed at position 3 (Read): Eve cannot read.';
    expect(await waiting()).toEqual([
      { key: keyOf(1), position: 3, partial: false, error },
      { key: keyOf(1), position: 5, partial: false, error: null },
    ]);
    expect(await staleRows()).toEqual([{ id: bookNumber(1), stale_since: 3 }]);
    const log = await engine.log.read(0, 100);
    const applied = log.filter(({ position }) => [1, 2, 4].includes(position));
    expect(await rowsOf(engine.database.projector.db, books)).toEqual(expectedRows(books, applied));
    await until(() => statusOf(engine, 'books')?.deadLetters === 2);
    expect(statusOf(engine, 'books')).toMatchObject({ state: 'RUNNING', position: 5, lag: 0, failure: null });
    expect(statusOf(engine, 'readings')).toMatchObject({ state: 'RUNNING', position: 5, deadLetters: 0 });
    expect(engine.faults).toHaveLength(1);
    expect(engine.faults[0]).toMatchObject({
      error: { message: error },
      context: { projection: 'books', eventPosition: 3, eventType: 'Read' },
    });
  });

  it('is known to who takes the projection over, and to servers that do not own it', async () => {
    const first = await openEngine({ domains: [touchyDomain] });
    await append(first, written(1), read(1, 'eve'));
    await first.start();
    await reached(first, 'books', 2);
    await first.close();
    const second = await openEngine({ start: true, domains: [touchyDomain] });
    const other = await openEngine({ start: true, domains: [touchyDomain] });
    await append(second, read(1, 'cid'));
    await second.projector.refreshHead();
    expect(await reached(second, 'books', 3)).toBe(true);
    expect((await waiting()).map(({ position }) => position)).toEqual([2, 3]);
    await until(() => statusOf(other, 'books')?.deadLetters === 2);
  });

  it('is applied by a retry with corrected code, and later events are no longer parked', async () => {
    const wrong = await openEngine({ domains: [touchyDomain] });
    await append(wrong, written(1), read(1, 'eve'), read(1, 'cid'));
    await wrong.start();
    await reached(wrong, 'books', 3);
    // A server with the wrong code keeps running while one with the right code retries.
    const right = await openEngine();
    expect(await right.deadLetters.retry('books', keyOf(1))).toEqual({ applied: 2, remaining: 0, error: null });
    await append(wrong, read(1, 'dan'));
    await wrong.projector.refreshHead();
    expect(await reached(wrong, 'books', 4)).toBe(true);
    expect(await waiting()).toEqual([]);
    expect(await staleRows()).toEqual([]);
    const log = await wrong.log.read(0, 100);
    expect(await rowsOf(wrong.database.projector.db, books)).toEqual(expectedRows(books, log));
  });

  it('loses nothing and keeps the order if events of its stream come while it is retried', async () => {
    const wrong = await openEngine({ domains: [touchyDomain], projectionBatchLimit: 3 });
    const right = await openEngine();
    await append(wrong, written(1));
    await wrong.start();
    for (let round = 1; round <= 5; round++) {
      await append(wrong, read(1, 'eve'));
      await wrong.projector.refreshHead();
      const busy = (async () => {
        for (let n = 0; n < 2; n++) {
          await append(wrong, n % 2 ? read(1, 'cid') : read(2, 'dan'), read(1, 'bob'));
          await wrong.projector.refreshHead();
        }
      })();
      await until(async () => (await waiting()).length > 0);
      await right.deadLetters.retry('books', keyOf(1));
      await busy;
    }
    const { position } = await wrong.log.head();
    expect(await reached(wrong, 'books', position)).toBe(true);
    for (const { key } of await right.deadLetters.keys('books', 10)) await right.deadLetters.retry('books', key);
    expect(await waiting()).toEqual([]);
    expect(await staleRows()).toEqual([]);
    const expected = expectedRows(books, await wrong.log.read(0, 1000));
    expect(await rowsOf(wrong.database.projector.db, books)).toEqual(expected);
  });

  it('at more streams than are allowed is the fold’s fault: it stalls and says so', async () => {
    const engine = await openEngine({ domains: [touchyDomain], deadLetterLimit: 2 });
    await append(engine, written(1), read(1, 'eve'), read(1, 'eve'), read(2, 'eve'), read(1, 'eve'), read(3, 'eve'));
    await engine.start();
    await until(() => statusOf(engine, 'books')?.state === 'STALLED');
    expect(statusOf(engine, 'books')).toMatchObject({
      position: 5,
      failure: expect.stringContaining('DEAD_LETTER_LIMIT'),
    });
    expect((await waiting()).map(({ position }) => position)).toEqual([2, 3, 4, 5]);
    await until(failureInTable);
  });
});

describe('an event that cannot be read', () => {
  const spoil = (position: number, type: string, data: object) =>
    database.sql`insert into es.events
      select ${position}, stream_type, gen_random_uuid(), 1, ${type}, 1, ${database.sql.json(data as never)}, metadata, gen_random_uuid(), null,
             gen_random_uuid(), occurred_at, recorded_at from es.events where position = 1`;

  it('is parked only by the projections that handle its type', async () => {
    const engine = await openEngine();
    await append(engine, written(1));
    await spoil(2, 'Written', { nonsense: true });
    await append(engine, read(1, 'cid'));
    await engine.start();
    for (const name of ['books', 'readings']) expect(await reached(engine, name, 3)).toBe(true);
    const [letter, ...others] = await waiting();
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ position: 2, partial: false });
    expect(letter?.error).toMatch(/^Written \(schema version 1\) at position 2 cannot be read/);
    expect(await waiting('readings@1')).toEqual([]);
    const retried = await engine.deadLetters.retry('books', letter?.key);
    expect(retried).toMatchObject({ applied: 0, remaining: 1, error: { position: 2, message: letter?.error } });
  });

  it('of a type that no projection looks at is parked by none', async () => {
    const engine = await openEngine();
    await append(engine, written(1));
    await spoil(2, 'Forgotten', {});
    await append(engine, read(1, 'cid'));
    await engine.start();
    for (const name of ['books', 'readings']) expect(await reached(engine, name, 3)).toBe(true);
    expect(await waiting()).toEqual([]);
  });
});

describe('a hole in the log', () => {
  it('is corruption: the projection stalls right before it and says so', async () => {
    const engine = await openEngine();
    await append(engine, written(1));
    await database.sql`alter table es.events disable trigger events_chained`;
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

  it('parks the stream of its event alone, in words without the row’s values', async () => {
    const engine = await openEngine({ domains: [{ ...libraryDomain, projections: [books] }] });
    await append(engine, written(1), written(2), read(2, 'ann'), written(3), huge(1), written(4), read(1, 'cid'));
    await engine.start();
    expect(await reached(engine, 'books', 7)).toBe(true);
    const error = 'Projection books failed at position 5: Postgres refused its change (SQLSTATE 22003)';
    expect(await waiting()).toEqual([
      { key: keyOf(1), position: 5, partial: false, error },
      { key: keyOf(1), position: 7, partial: false, error: null },
    ]);
    expect(await staleRows()).toEqual([{ id: bookNumber(1), stale_since: 5 }]);
    expect((await database.sql`select id from read.books_v1`).length).toBe(4);
  });

  it('is parked even if Postgres cannot even look for it', async () => {
    const nameless = defineProjection('books', {
      table: booksTable,
      history: true,
      events: Book.events,
      visibleTo: 'everyone',
      on: {
        Written: ({ data: { title: id, author, tags } }, { upsert }) =>
          upsert(id, () => ({ id, title: id, author, tags, pages: 0, readAt: null })),
      },
    });
    const engine = await openEngine({ domains: [{ ...libraryDomain, projections: [nameless] }] });
    const titled = (n: number, title: string) => [bookNumber(n), Written({ title, author: null, tags: [] })] as const;
    await append(engine, titled(1, 'a'), titled(2, 'b'), titled(3, 'c'));
    const broken = {
      ...nameless,
      handlers: new Map([
        [
          'Written',
          ((event: { position: number }, changes: { updateWhere: (...asked: unknown[]) => never }) =>
            event.position === 2
              ? changes.updateWhere('pages', 2 ** 31, (row: unknown) => row)
              : nameless.handlers.get('Written')!(event as never, changes as never)) as never,
        ],
      ]),
    };
    const other = await openEngine({ start: true, domains: [{ ...libraryDomain, projections: [broken] }] });
    expect(await reached(other, 'books', 3)).toBe(true);
    expect((await waiting()).map(({ position }) => position)).toEqual([2]);
    expect((await database.sql`select id from read.books_v1 order by id`).map(({ id }) => id)).toEqual(['a', 'c']);
  });
});

describe('a fault that is not the event’s', () => {
  it('stalls the projection where it is, and parks nothing', async () => {
    const engine = await openEngine({ domains: [{ ...libraryDomain, projections: [books] }] });
    await append(engine, written(1));
    await database.sql`alter table read.books_v1 rename column title to name`;
    await engine.start();
    await until(() => statusOf(engine, 'books')?.state === 'STALLED');
    expect(statusOf(engine, 'books')).toMatchObject({
      position: 0,
      failure: expect.stringContaining('SQLSTATE 42703'),
    });
    expect(await waiting()).toEqual([]);
    await database.sql`alter table read.books_v1 rename column name to title`;
    expect(await reached(engine, 'books', 1)).toBe(true);
    await until(async () => (await failureInTable()) === null);
  });
});

describe('a projection that is behind', () => {
  it('says how long the oldest event has waited, not the newest', async () => {
    const engine = await openEngine({ domains: [touchyDomain], deadLetterLimit: 0 });
    await append(engine, written(1), read(1, 'eve'));
    const began = Date.now();
    await engine.start();
    await until(() => statusOf(engine, 'books')?.state === 'STALLED');
    await until(() => Date.now() - began > 1500);
    await append(engine, written(2));
    await engine.projector.refreshHead();
    expect(statusOf(engine, 'books')).toMatchObject({ position: 1, lag: 2 });
    expect(statusOf(engine, 'books')?.lagMs).toBeGreaterThanOrEqual(1500);
  });
});
