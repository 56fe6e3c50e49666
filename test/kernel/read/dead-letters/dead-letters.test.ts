import { beforeEach, describe, expect, it } from 'vitest';
import type { NewEvent } from '../../../../src/kernel/define/event.ts';
import type { AnyHandler, Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { adoptParkedEvents, dropParkedEvents } from '../../../../src/kernel/read/dead-letters/dead-letter-store.ts';
import { DeadLetters } from '../../../../src/kernel/read/dead-letters/dead-letters.ts';
import { useDatabase } from '../../../support/database.ts';
import { DrivenProjection, type Fault, failing } from '../../../support/driven-projection.ts';
import { type TestEngine, useEngine } from '../../../support/engine.ts';
import {
  Book,
  bookNumber,
  books,
  libraryAppends,
  libraryDomain,
  libraryTables,
  Read,
  Renamed,
  readings,
  Written,
} from '../../../support/library.ts';
import { people, peopleHistory, peopleTable } from '../../../support/people.ts';
import { expectedRows, rowsOf } from '../../../support/rows.ts';

const database = useDatabase({ tables: [...libraryTables, peopleTable, peopleHistory] });
const openEngine = useEngine(database, [libraryDomain]);

const written = (n: number, author = 'ann') => [bookNumber(n), Written({ title: `${n}`, author, tags: [] })] as const;
const read = (n: number, reader: string, pages = 5) => [bookNumber(n), Read({ reader, pages })] as const;
const keyOf = (n: number) => `Book/${bookNumber(n)}`;

let engine: TestEngine;
beforeEach(async () => {
  engine = await openEngine();
});

/** A projection that has seen these events, of which some are at fault until they are taken out of `faults`. */
async function seen(
  projection: Projection,
  faulty: Readonly<Record<number, Fault>>,
  ...happened: (readonly [string, NewEvent])[]
) {
  const faults = new Map(Object.entries(faulty).map(([position, fault]) => [Number(position), fault]));
  await engine.log.append(libraryAppends(happened));
  const driven = new DrivenProjection(engine, database.sql, failing(projection, faults));
  await driven.beginAt(0);
  await driven.moveTo(happened.length);
  const { db } = engine.database.projector;
  const deadLetters = new DeadLetters({ db, projections: [driven.projection], events: Book.events, pageSize: 2 });
  return { faults, driven, deadLetters, db };
}

const waiting = async (projection: string) =>
  (
    await database.sql`select key, position, partial from read.dead_letters
                       where projection = ${projection} and status = 'PARKED' order by position, key`
  ).map((row) => ({ ...row }));
const expected = async (projection: Projection, ...without: number[]) =>
  expectedRows(
    projection,
    (await engine.log.read(0, 1000)).filter(({ position }) => !without.includes(position)),
  );
const DISCARDING = { by: 'a test', reason: null };

describe('a row that events of several streams change', () => {
  it('waits for the one at fault, and the other rows of those events go on', async () => {
    const { faults, deadLetters, db } = await seen(
      people,
      { 2: 'fold' },
      read(1, 'cid'),
      read(1, 'cid'),
      read(2, 'cid', 1),
    );
    expect(await waiting('people')).toEqual([
      { key: keyOf(1), position: 2, partial: false },
      { key: keyOf(1), position: 3, partial: true },
    ]);
    // The third event is Ann's too.
    const [ann] = await rowsOf(db, people);
    expect(ann).toMatchObject({ name: 'ann', pages: 1 });
    faults.clear();
    expect(await deadLetters.retry('people', keyOf(1))).toEqual({ applied: 2, remaining: 0, error: null });
    expect(await rowsOf(db, people)).toEqual(await expected(people));
  });

  it('makes one key of two whose events have it in common, in order', async () => {
    const { faults, deadLetters, db, driven } = await seen(
      people,
      { 3: 'fold', 4: 'fold' },
      ...[
        read(1, 'cid'),
        read(2, 'dan'),
        read(1, 'cid'),
        read(2, 'dan'),
        read(3, 'dan'),
        read(2, 'cid'),
        read(3, 'cid'),
      ],
    );
    expect(await waiting('people')).toEqual([
      { key: keyOf(1), position: 3, partial: false },
      { key: keyOf(1), position: 4, partial: false },
      { key: keyOf(1), position: 5, partial: true },
      { key: keyOf(1), position: 6, partial: false },
      { key: keyOf(1), position: 7, partial: true },
    ]);
    faults.delete(3);
    const half = await deadLetters.retry('people', keyOf(1));
    expect(half).toMatchObject({ applied: 1, remaining: 4, error: { position: 4 } });
    // What comes meanwhile finds the same key, also for who begins anew.
    await engine.log.append(libraryAppends([read(3, 'cid'), read(1, 'bob')]));
    await driven.moveTo(9);
    expect((await waiting('people')).slice(-1)).toEqual([{ key: keyOf(1), position: 8, partial: true }]);
    faults.clear();
    expect(await deadLetters.retry('people', keyOf(1))).toEqual({ applied: 5, remaining: 0, error: null });
    expect(await rowsOf(db, people)).toEqual(await expected(people));
  });
});

describe('many keys that wait', () => {
  it('make batches shorter if an event looks for rows by their values, which waits under each of them', async () => {
    const faults = new Map<number, Fault>();
    const ids = Array.from({ length: 120 }, (_, n) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`);
    const broken = ids.map((id) => [id, Written({ title: 'x', author: 'ann', tags: [] })] as const);
    for (const [n] of ids.entries()) faults.set(n + 1, 'fold');
    const unlike = '00000000-0000-7000-8000-00000000ffff';
    const renames = Array.from({ length: 200 }, (_, n) => [unlike, Renamed({ from: `${n}`, to: 'cid' })] as const);
    await engine.log.append(libraryAppends(broken));
    const driven = new DrivenProjection(engine, database.sql, failing(books as unknown as Projection, faults));
    await driven.beginAt(0);
    await driven.moveTo(120);
    await engine.log.append(libraryAppends(renames));
    const before = driven.moved.length;
    await driven.moveTo(320, 1000);
    // It starts again, and then continues in three steps instead of one.
    expect(driven.moved.slice(before).map(({ position }) => position)).toEqual([120, 203, 286, 320]);
    expect(await database.sql`select from read.dead_letters`).toHaveLength(120 * 201);
  });
});

describe('an event whose handler threw', () => {
  it('is refused a retry if its rows have had later events, rather than be applied out of order', async () => {
    const { faults, deadLetters, db } = await seen(
      people,
      { 2: 'handler' },
      read(1, 'cid'),
      read(1, 'cid'),
      read(2, 'cid'),
    );
    const before = await rowsOf(db, people);
    faults.clear();
    const late = await deadLetters.retry('people', keyOf(1));
    expect(late).toMatchObject({ applied: 0, remaining: 1 });
    expect(late.error?.message).toContain('`projections rebuild people`');
    expect(await rowsOf(db, people)).toEqual(before);
  });
});

describe('an event of which it is not known which row it makes', () => {
  it('is refused a retry if others may have passed that row by since, for it was not there', async () => {
    // Two of them would have changed what the first one makes: the one adds to the row, the other takes it away.
    const { faults, deadLetters, db } = await seen(
      people,
      { 1: 'handler' },
      read(1, 'dan'),
      [bookNumber(2), Written({ title: 'x', author: 'bob', tags: [] })],
      [bookNumber(3), Written({ title: 'long', author: 'bob', tags: [] })],
    );
    const before = await rowsOf(db, people);
    faults.clear();
    const late = await deadLetters.retry('people', keyOf(1));
    expect(late).toMatchObject({ applied: 0, remaining: 1 });
    expect(late.error?.message).toContain('`projections rebuild people`');
    expect(await rowsOf(db, people)).toEqual(before);
  });

  it('is applied if no event that has come since would have changed that row', async () => {
    const { faults, deadLetters, db } = await seen(
      people,
      { 1: 'handler' },
      read(1, 'dan'),
      read(2, 'cid'),
      read(1, 'cid'),
    );
    faults.clear();
    expect(await deadLetters.retry('people', keyOf(1))).toEqual({ applied: 2, remaining: 0, error: null });
    expect(await rowsOf(db, people)).toEqual(await expected(people));
  });
});

describe('a handler that names no row', () => {
  /** Like `readings`, but of one reader it does not know the name. */
  const nameless: Projection = {
    ...(readings as unknown as Projection),
    handlers: new Map<string, AnyHandler>([
      [
        'Read',
        (event, changes) => {
          const data = event.data as { reader: string | undefined };
          const reader = data.reader === 'eve' && !isMended ? undefined : data.reader;
          return readings.handlers.get('Read')!({ ...event, data: { ...data, reader } }, changes);
        },
      ],
    ]),
  };
  let isMended = false;
  beforeEach(() => {
    isMended = false;
  });

  it('has its events parked, each under its own stream, and they are applied once it does', async () => {
    const { deadLetters, db, driven } = await seen(
      nameless,
      {},
      read(1, 'cid'),
      read(1, 'eve'),
      read(2, 'eve'),
      read(3, 'cid'),
    );
    expect(driven.faults).toHaveLength(2);
    expect(await waiting('readings')).toEqual([
      { key: keyOf(1), position: 2, partial: false },
      { key: keyOf(2), position: 3, partial: false },
    ]);
    isMended = true;
    for (const n of [1, 2]) {
      expect(await deadLetters.retry('readings', keyOf(n))).toEqual({ applied: 1, remaining: 0, error: null });
    }
    expect(await rowsOf(db, readings)).toEqual(await expected(readings));
  });
});

describe('an event that is discarded', () => {
  it('may be discarded again, if the next version of the read model cannot apply it either', async () => {
    const happened = [written(1), read(1, 'cid'), read(1, 'dan')];
    const { faults, deadLetters, db } = await seen(books, { 2: 'fold' }, ...happened);
    await deadLetters.discard('books', keyOf(1), 2, DISCARDING);
    await database.sql`truncate read.books, read.books_history`;
    const next = { ...books, version: 2 };
    const shadow = new DrivenProjection(engine, database.sql, failing({ ...next, name: 'books#rebuild' }, faults));
    await shadow.beginAt(0);
    await shadow.moveTo(3);
    await adoptParkedEvents(db, 'books#rebuild', 'books');
    await database.sql`update read.checkpoints set version = 2 where projection = 'books'`;
    const letters = new DeadLetters({ db, projections: [failing(next, faults)], events: Book.events });
    expect(await letters.discard('books', keyOf(1), 2, { by: 'another', reason: 'still' })).toMatchObject({
      applied: 1,
      remaining: 0,
    });
    expect(await rowsOf(db, books)).toEqual(await expected(books, 2));
    const discarded = await database.sql`select version, discarded_by from read.dead_letters`;
    expect(discarded.map((row) => ({ ...row }))).toEqual([{ version: 2, discarded_by: 'another' }]);
  });

  it('is passed over by a table that is filled beside the live one too, by the same version only', async () => {
    const { faults, deadLetters, db } = await seen(
      books,
      { 2: 'fold' },
      written(1),
      read(1, 'cid'),
      written(2),
      read(1, 'dan'),
    );
    await expect(deadLetters.discard('books', keyOf(1), 4, DISCARDING)).rejects.toMatchObject({
      code: 'DEAD_LETTER_CHANGED',
      position: 2,
    });
    expect(await deadLetters.discard('books', keyOf(1), 2, DISCARDING)).toEqual({
      applied: 1,
      remaining: 0,
      error: null,
    });
    expect(await rowsOf(db, books)).toEqual(await expected(books, 2));
    await database.sql`truncate read.books, read.books_history`;
    const again = new DrivenProjection(
      engine,
      database.sql,
      failing({ ...books, name: 'books#rebuild' }, faults),
      'books',
    );
    await again.beginAt(0);
    await again.moveTo(4);
    expect(await rowsOf(db, books)).toEqual(await expected(books, 2));
    expect(await waiting('books#rebuild')).toEqual([]);
    await database.sql`truncate read.books, read.books_history`;
    const newer = new DrivenProjection(engine, database.sql, { ...books, name: 'books#verify', version: 2 }, 'books');
    await newer.beginAt(0);
    await newer.moveTo(4);
    expect(await rowsOf(db, books)).toEqual(await expected(books));
  });

  it('leaves the next one to be retried or discarded', async () => {
    const { deadLetters, db } = await seen(
      books,
      { 2: 'fold', 3: 'fold' },
      written(1),
      read(1, 'cid'),
      read(1, 'dan'),
      read(1, 'eve'),
    );
    expect(await deadLetters.discard('books', keyOf(1), 2, DISCARDING)).toMatchObject({
      applied: 0,
      remaining: 2,
      error: { position: 3 },
    });
    expect((await database.sql`select stale_since from read.books`)[0]).toEqual({ stale_since: 2 });
    expect(await deadLetters.discard('books', keyOf(1), 3, DISCARDING)).toMatchObject({ applied: 1, remaining: 0 });
    expect(await rowsOf(db, books)).toEqual(await expected(books, 2, 3));
  });
});

describe('code of another version than the table', () => {
  it('neither retries nor discards', async () => {
    const { db } = await seen(books, { 2: 'fold' }, written(1), read(1, 'cid'));
    const newer = new DeadLetters({ db, projections: [{ ...books, version: 2 }], events: Book.events });
    await expect(newer.retry('books', keyOf(1))).rejects.toMatchObject({ code: 'OTHER_VERSION' });
    await expect(newer.discard('books', keyOf(1), 2, DISCARDING)).rejects.toMatchObject({ code: 'OTHER_VERSION' });
    expect(await waiting('books')).toHaveLength(1);
  });
});

describe('a table that takes the place of another', () => {
  it('brings its dead letters along, and what was discarded stays', async () => {
    const { deadLetters, db } = await seen(
      books,
      { 2: 'fold', 4: 'fold' },
      written(1),
      read(1, 'cid'),
      written(2),
      read(2, 'cid'),
    );
    await deadLetters.discard('books', keyOf(1), 2, DISCARDING);
    await database.sql`truncate read.books, read.books_history`;
    const shadow = { ...books, name: 'books#rebuild' };
    const again = new DrivenProjection(engine, database.sql, failing(shadow, new Map([[3, 'fold']])));
    await again.beginAt(0);
    await again.moveTo(4);
    await adoptParkedEvents(db, 'books#rebuild', 'books');
    expect((await waiting('books')).map(({ position }) => position)).toEqual([3, 4]);
    const rows = await database.sql`select projection, status from read.dead_letters order by position`;
    expect(rows.map((row) => row.status)).toEqual(['DISCARDED', 'PARKED', 'PARKED']);
    expect(rows.every(({ projection }) => projection === 'books')).toBe(true);
    await dropParkedEvents(db, 'books');
    expect(await database.sql`select from read.dead_letters`).toHaveLength(0);
  });
});
