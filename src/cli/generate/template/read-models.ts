import { defineProjection, readTable } from 'afterwrite';
import { boolean, index, integer, text, uuid } from 'drizzle-orm/pg-core';
import { Task } from './task.ts';

// What is shown. The engine makes the table; raise `version` of the projection when you change its columns or its fold.

export const tasksTable = readTable(
  'tasks',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    archived: boolean('archived').notNull(),
    version: integer('version').notNull(),
  },
  (table) => [index('tasks_name').on(table.name, table.id)],
);

export const tasks = defineProjection('tasks', {
  description: 'Tasks as they are now.',
  table: tasksTable,
  events: Task.events,
  visibleTo: { user: 'all' },
  on: {
    TaskAdded: ({ streamId: id, data, version }, { upsert }) =>
      upsert(id, () => ({ id, name: data.name, archived: false, version })),
    TaskRenamed: ({ streamId, data, version }, { update }) =>
      update(streamId, (row) => ({ ...row, name: data.name, version })),
    TaskArchived: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, archived: true, version })),
  },
});
