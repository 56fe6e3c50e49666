import { integer, text, uuid } from 'drizzle-orm/pg-core';
import { historyTable } from '../../../src/kernel/define/read-model/history-table.ts';
import { defineProjection, type Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { Book } from './library.ts';

export const shelfTable = readTable(
  'shelf',
  {
    id: uuid('id').primaryKey(),
    title: text('title').notNull(),
    read: integer('read').notNull(),
    others: integer('others').notNull(),
  },
  undefined,
  { history: true },
);
export const shelfHistory = historyTable(shelfTable);
/** Rows that are put as a whole, changed, and gone; and what it does not know by name it counts. */
export const shelf: Projection = defineProjection('shelf', {
  table: shelfTable,
  history: true,
  events: Book.events,
  visibleTo: 'everyone',
  on: {
    Written: ({ streamId: id, data: { title } }, { put }) => put(id, () => ({ id, title, read: 0, others: 0 })),
    Read: ({ streamId }, { update }) => update(streamId, (row) => ({ ...row, read: row.read + 1 })),
    Burned: ({ streamId }, { remove }) => remove(streamId),
  },
  every: ({ streamId }, { update }) => update(streamId, (row) => ({ ...row, others: row.others + 1 })),
}) as unknown as Projection;
