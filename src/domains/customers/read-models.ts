import { integer, text, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, readTable } from '../../index.ts';
import { Customer } from './customer.ts';

export const customersTable = readTable('customers', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  email: text('email').notNull(),
  version: integer('version').notNull(),
});

export const customers = defineProjection('customers', {
  description: 'Customers as they are now.',
  table: customersTable,
  events: Customer.events,
  visibleTo: { staff: 'all', system: 'all', customer: (actor) => ({ id: actor.id }) },
  on: {
    CustomerRegistered: ({ streamId: id, version, data }, { upsert }) => upsert(id, () => ({ id, ...data, version })),
    CustomerRenamed: ({ streamId, version, data }, { update }) =>
      update(streamId, (row) => ({ ...row, ...data, version })),
  },
});
