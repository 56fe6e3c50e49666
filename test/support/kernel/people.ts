import { integer, text } from 'drizzle-orm/pg-core';
import { historyTable } from '../../../src/kernel/define/read-model/history-table.ts';
import { defineProjection, type Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { Book } from './library.ts';

export const peopleTable = readTable(
  'people',
  { name: text('name').primaryKey(), pages: integer('pages').notNull(), last: text('last') },
  undefined,
  { history: true },
);
export const peopleHistory = historyTable(peopleTable);
/** Rows that events of many streams change, so that one that is at fault draws others in. */
export const people: Projection = defineProjection('people', {
  table: peopleTable,
  history: true,
  events: Book.events,
  visibleTo: 'everyone',
  on: {
    Read: ({ streamId, data: { reader, pages } }, { upsert }) =>
      [reader, ...(pages === 1 ? ['ann'] : [])].map((name) =>
        upsert(name, (row) => ({ name, pages: (row?.pages ?? 0) * 2 + pages, last: streamId })),
      ),
    Written: ({ streamId, data: { author, title } }, { upsert, remove, update }) => [
      ...(title.length > 2 ? [remove(author ?? 'cid')] : []),
      upsert(author ?? 'nobody', (row) => ({ name: '', pages: (row?.pages ?? 0) + 100, last: streamId })),
      update('dan', (row) => ({ ...row, pages: row.pages + 1 })),
    ],
    Burned: ({ streamId }, { updateWhere }) =>
      updateWhere('last', streamId, (row) => ({ ...row, pages: row.pages + 7, last: 'ashes' })),
  },
}) as unknown as Projection;
