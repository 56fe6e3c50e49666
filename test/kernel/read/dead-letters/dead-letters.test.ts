import { beforeEach, describe, expect, it } from 'vitest';
import type { AnyHandler, Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { DrivenProjection, type Fault, failing } from '../../../support/kernel/driven-projection.ts';
import { bookNumber, books, libraryAppends, Renamed, readings, Written } from '../../../support/kernel/library.ts';
import { people } from '../../../support/kernel/people.ts';
import { rowsOf } from '../../../support/kernel/rows.ts';
import { keyOf, read, useFaultyLibrary } from './faulty-library.ts';

const library = useFaultyLibrary();
const { database, seen, waiting, expected } = library;

describe('a row that events of several streams change', () => {
  it('waits for the one at fault, and the other rows of those events go on', async () => {
    const { faults, deadLetters, db } = await seen(
      people,
      { 2: 'fold' },
      read(1, 'cid'),
      read(1, 'cid'),
      read(2, 'cid', 1),
    );
    expect(await waiting('people@1')).toEqual([
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
    expect(await waiting('people@1')).toEqual([
      { key: keyOf(1), position: 3, partial: false },
      { key: keyOf(1), position: 4, partial: false },
      { key: keyOf(1), position: 5, partial: true },
      { key: keyOf(1), position: 6, partial: false },
      { key: keyOf(1), position: 7, partial: true },
    ]);
    faults.delete(3);
    const half = await deadLetters.retry('people', keyOf(1));
    expect(half).toMatchObject({ applied: 1, remaining: 4, error: { position: 4 } });
    // Later events find the same key, also after a restart.
    await library.engine.log.append(libraryAppends([read(3, 'cid'), read(1, 'bob')]));
    await driven.moveTo(9);
    expect((await waiting('people@1')).slice(-1)).toEqual([{ key: keyOf(1), position: 8, partial: true }]);
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
    await library.engine.log.append(libraryAppends(broken));
    const driven = new DrivenProjection(library.engine, database.sql, failing(books as unknown as Projection, faults));
    await driven.beginAt(0);
    await driven.moveTo(120);
    await library.engine.log.append(libraryAppends(renames));
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
    expect(await waiting('readings@1')).toEqual([
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
