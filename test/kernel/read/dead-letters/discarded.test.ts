import { describe, expect, it } from 'vitest';
import { checkpointId } from '../../../../src/kernel/define/checkpoint-id.ts';
import { adoptParkedEvents, dropParkedEvents } from '../../../../src/kernel/read/dead-letters/dead-letter-store.ts';
import { DeadLetters } from '../../../../src/kernel/read/dead-letters/dead-letters.ts';
import { ensureTables } from '../../../../src/kernel/read/tables/ensure-tables.ts';
import { DrivenProjection, failing } from '../../../support/kernel/driven-projection.ts';
import { Book, books } from '../../../support/kernel/library.ts';
import { rowsOf } from '../../../support/kernel/rows.ts';
import { atVersion } from '../../../support/kernel/versions.ts';
import { keyOf, read, useFaultyLibrary, written } from './faulty-library.ts';

const library = useFaultyLibrary();
const { database, seen, waiting, expected } = library;
/** The projection over the same table that a rebuild or a comparison of it is. */
const beside = (kind: 'rebuild' | 'verify') => {
  const checkpoint = checkpointId(kind, 'books');
  return { ...books, name: checkpoint.key, checkpoint };
};
const DISCARDING = { by: 'a test', reason: null };

describe('an event that is discarded', () => {
  it('may be discarded again, if the next version of the read model cannot apply it either', async () => {
    const happened = [written(1), read(1, 'cid'), read(1, 'dan')];
    const { faults, deadLetters, db } = await seen(books, { 2: 'fold' }, ...happened);
    await deadLetters.discard('books', keyOf(1), 2, DISCARDING);
    const next = failing(atVersion(books, 2), faults);
    const { owner, grantRights: grant } = library.engine.database;
    await ensureTables({ db: owner.db, projections: [next], grant });
    const newer = new DrivenProjection(library.engine, database.sql, next);
    await newer.beginAt(0);
    await newer.moveTo(3);
    const letters = new DeadLetters({ db, projections: [next], events: Book.events });
    expect(await letters.discard('books', keyOf(1), 2, { by: 'another', reason: 'still' })).toMatchObject({
      applied: 1,
      remaining: 0,
    });
    expect(await rowsOf(db, next)).toEqual(await expected(books, 2));
    const discarded = await database.sql`select projection, version, discarded_by from read.dead_letters order by 1`;
    expect(discarded.map((row) => ({ ...row }))).toEqual([
      { projection: 'books@1', version: 1, discarded_by: DISCARDING.by },
      { projection: 'books@2', version: 2, discarded_by: 'another' },
    ]);
  });

  it('is skipped by a rebuild too, but only by one of the same version', async () => {
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
    await database.sql`truncate read.books_v1, read.books_history_v1`;
    const again = new DrivenProjection(library.engine, database.sql, failing(beside('rebuild'), faults), 'books@1');
    await again.beginAt(0);
    await again.moveTo(4);
    expect(await rowsOf(db, books)).toEqual(await expected(books, 2));
    expect(await waiting('books@1#rebuild')).toEqual([]);
    await database.sql`truncate read.books_v1, read.books_history_v1`;
    const newer = new DrivenProjection(library.engine, database.sql, { ...beside('verify'), version: 2 }, 'books@1');
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
    expect((await database.sql`select stale_since from read.books_v1`)[0]).toEqual({ stale_since: 2 });
    expect(await deadLetters.discard('books', keyOf(1), 3, DISCARDING)).toMatchObject({ applied: 1, remaining: 0 });
    expect(await rowsOf(db, books)).toEqual(await expected(books, 2, 3));
  });
});

describe('code of another version than the table', () => {
  it('neither retries nor discards', async () => {
    const { db } = await seen(books, { 2: 'fold' }, written(1), read(1, 'cid'));
    const newer = new DeadLetters({ db, projections: [atVersion(books, 2)], events: Book.events });
    await expect(newer.retry('books', keyOf(1))).rejects.toMatchObject({ code: 'OTHER_VERSION' });
    await expect(newer.discard('books', keyOf(1), 2, DISCARDING)).rejects.toMatchObject({ code: 'OTHER_VERSION' });
    expect(await waiting('books@1')).toHaveLength(1);
  });
});

describe('a table that takes the place of another', () => {
  it('brings its dead letters along, and discarded events stay discarded', async () => {
    const { deadLetters, db } = await seen(
      books,
      { 2: 'fold', 4: 'fold' },
      written(1),
      read(1, 'cid'),
      written(2),
      read(2, 'cid'),
    );
    await deadLetters.discard('books', keyOf(1), 2, DISCARDING);
    await database.sql`truncate read.books_v1, read.books_history_v1`;
    const shadow = beside('rebuild');
    const again = new DrivenProjection(library.engine, database.sql, failing(shadow, new Map([[3, 'fold']])));
    await again.beginAt(0);
    await again.moveTo(4);
    await adoptParkedEvents(db, 'books@1#rebuild', 'books@1');
    expect((await waiting('books@1')).map(({ position }) => position)).toEqual([3, 4]);
    const rows = await database.sql`select projection, status from read.dead_letters order by position`;
    expect(rows.map((row) => row.status)).toEqual(['DISCARDED', 'PARKED', 'PARKED']);
    expect(rows.every(({ projection }) => projection === 'books@1')).toBe(true);
    await dropParkedEvents(db, 'books@1');
    expect(await database.sql`select from read.dead_letters`).toHaveLength(0);
  });
});
