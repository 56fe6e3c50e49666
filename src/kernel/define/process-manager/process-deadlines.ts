import { index, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { defineProjection } from '../read-model/projection.ts';
import { readTable } from '../read-model/read-table.ts';
import { processEvents } from './process-events.ts';

export const deadlinesTable = readTable(
  'deadlines',
  {
    process: text('process').notNull(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    at: timestamp('at', { precision: 3, withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.process, table.id, table.name] }),
    index('deadlines_due').on(table.process, table.at),
  ],
);

const { DeadlineSet, DeadlineCleared, DeadlineReached } = processEvents;

/**
 * All deadlines of processes, which the clock watches. The process itself decides whether a deadline is still valid.
 */
export const deadlines = defineProjection('deadlines', {
  description: 'Times at which processes are told.',
  table: deadlinesTable,
  events: { DeadlineSet, DeadlineCleared, DeadlineReached },
  visibleTo: 'operators',
  on: {
    DeadlineSet: ({ streamType, streamId, data: { name, at } }, { upsert }) =>
      upsert([streamType, streamId, name], () => ({ process: streamType, id: streamId, name, at: new Date(at) })),
    DeadlineCleared: ({ streamType, streamId, data: { name } }, { remove }) => remove([streamType, streamId, name]),
    DeadlineReached: ({ streamType, streamId, data: { name } }, { remove }) => remove([streamType, streamId, name]),
  },
});
