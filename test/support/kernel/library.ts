import { integer, jsonb, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { defineAggregate, unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent, type NewEvent } from '../../../src/kernel/define/event.ts';
import { historyTable } from '../../../src/kernel/define/read-model/history-table.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import type { Append } from '../../../src/kernel/log/append/append.ts';
import { fc } from '../properties.ts';
import { anAppend } from './appends.ts';

/** A domain whose projections do everything that a projection may do to its rows. */
export const Written = defineEvent('Written', {
  data: z.object({ title: z.string(), author: z.string().nullable(), tags: z.array(z.string()) }),
});
export const Renamed = defineEvent('Renamed', {
  data: z.object({ from: z.string().nullable(), to: z.string().nullable() }),
});
export const Read = defineEvent('Read', { data: z.object({ reader: z.string(), pages: z.int() }) });
export const Burned = defineEvent('Burned', { data: z.object({}) });
/** No projection handles it. */
const Dusted = defineEvent('Dusted', { data: z.object({}) });

export const Book = defineAggregate('Book', {
  initialState: () => 0,
  events: { Written, Renamed, Read, Burned, Dusted },
  evolve: {
    Written: unchanged,
    Renamed: unchanged,
    Read: unchanged,
    Burned: unchanged,
    Dusted: unchanged,
  },
});

export const booksTable = readTable(
  'books',
  {
    id: text('id').primaryKey(),
    title: text('title').notNull(),
    author: text('author'),
    tags: jsonb('tags').$type<readonly string[]>().notNull(),
    pages: integer('pages').notNull(),
    readAt: timestamp('read_at', { precision: 3, withTimezone: true }),
  },
  undefined,
  { history: true },
);
export const booksHistory = historyTable(booksTable);

export const books = defineProjection('books', {
  table: booksTable,
  history: true,
  events: Book.events,
  visibleTo: 'everyone',
  on: {
    Written: ({ streamId: id, data: { title, author, tags } }, { upsert }) =>
      upsert(id, (row) => ({
        id,
        title,
        author,
        tags: [...(row?.tags ?? []), ...tags],
        pages: row?.pages ?? 0,
        readAt: row?.readAt ?? null,
      })),
    Renamed: ({ data }, { updateWhere }) => updateWhere('author', data.from, (row) => ({ ...row, author: data.to })),
    // Two changes of one row by one event.
    Read: ({ streamId, data, occurredAt }, { update }) => [
      update(streamId, (row) => ({ ...row, pages: row.pages + data.pages })),
      update(streamId, (row) => ({ ...row, pages: row.pages * 2, readAt: occurredAt })),
    ],
    Burned: ({ streamId }, { remove }) => remove(streamId),
  },
});

export const readingsTable = readTable(
  'readings',
  {
    reader: text('reader').notNull(),
    bookId: text('book_id').notNull(),
    times: integer('times').notNull(),
    shelf: text('shelf'),
  },
  (table) => [primaryKey({ columns: [table.reader, table.bookId] })],
  { history: true },
);
export const readingsHistory = historyTable(readingsTable);
/** All that the domain fills. */
export const libraryTables = [booksTable, booksHistory, readingsTable, readingsHistory];

/** Several rows by one event, of which none is the stream's own; rows of many streams by a column. */
export const readings = defineProjection('readings', {
  table: readingsTable,
  history: true,
  events: Book.events,
  visibleTo: 'everyone',
  on: {
    Read: ({ streamId: bookId, data: { reader, pages } }, { upsert, remove, updateWhere }) => [
      upsert([reader, bookId], (row) => ({ reader, bookId, times: (row?.times ?? 0) + 1, shelf: row?.shelf ?? null })),
      upsert(['everybody', bookId], (row) => ({
        reader: 'everybody',
        bookId,
        times: (row?.times ?? 0) + pages,
        shelf: reader,
      })),
      ...(pages === 3 ? [remove([reader, bookId])] : []),
      ...(pages === 2 ? [updateWhere('shelf', reader, (row) => ({ ...row, shelf: 'top' }))] : []),
    ],
    Burned: ({ streamId }, { updateWhere }) =>
      updateWhere('bookId', streamId, (row) => ({ ...row, shelf: 'ashes', times: row.times + 1000 })),
  },
});

export const libraryDomain = defineDomain({
  name: 'library',
  aggregates: [Book],
  commands: [],
  projections: [books, readings],
  graphql: undefined,
});

export const bookNumber = (n: number) => `00000000-0000-7000-8000-00000000000${n}`;

const bookId = fc.nat({ max: 2 }).map(bookNumber);
const author = fc.constantFrom('ann', 'bob', null);
const event: fc.Arbitrary<NewEvent> = fc.oneof(
  fc
    .record({
      // Long ones are not stored again with each change of the book.
      title: fc.oneof(
        fc.string({ maxLength: 4 }).filter((text) => !text.includes('\0') && text.isWellFormed()),
        fc.constantFrom('long '.repeat(60), 'longer '.repeat(500)),
      ),
      author,
      tags: fc.array(fc.constantFrom('x', '"y"', 'long '.repeat(100), 'longest '.repeat(400)), { maxLength: 2 }),
    })
    .map((data) => Written(data)),
  fc.record({ from: author, to: author }).map((data) => Renamed(data)),
  fc.record({ reader: fc.constantFrom('cid', 'dan'), pages: fc.nat({ max: 3 }) }).map((data) => Read(data)),
  fc.constant(Burned({})),
  fc.constant(Dusted({})),
);

/** Events of a few books, in order. */
export const libraryEvents = fc.array(fc.tuple(bookId, event), { minLength: 1, maxLength: 40 });

/** The same as appends, which no log has seen before. */
export function libraryAppends(happened: readonly (readonly [streamId: string, event: NewEvent])[]): Append[] {
  return happened.map(([streamId, { type, data }]) =>
    anAppend({ streamType: 'Book', streamId, expectedVersion: null, events: [{ type, schemaVersion: 1, data }] }),
  );
}
