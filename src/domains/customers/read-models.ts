import { index, integer, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, readTable, searchText, sortText } from '../../index.ts';
import { Customer } from './customer.ts';

export const customersTable = readTable(
  'customers',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    email: text('email').notNull(),
    registeredAt: timestamp('registered_at', { precision: 3, withTimezone: true }).notNull(),
    version: integer('version').notNull(),
    /** The key by which lists are sorted by name. */
    sortName: text('sort_name').notNull(),
    /** Folded by `searchText`: the name and the e-mail address, in a line each. */
    searchText: text('search_text').notNull(),
  },
  (table) => [
    index('customers_name').on(table.sortName, table.id),
    index('customers_registered_at').on(table.registeredAt, table.id),
  ],
);

/** Columns that follow from the name and the e-mail address. */
const found = (name: string, email: string) => ({
  sortName: sortText(name),
  searchText: searchText(`${name}\n${email}`),
});

export const customers = defineProjection('customers', {
  description: 'Customers as they are now, with what they are listed, sorted and found by.',
  table: customersTable,
  // 2: lists need the time of registration, a name to sort by and a text to search in.
  version: 2,
  events: Customer.events,
  personal: { of: ({ id }) => `customer/${id}`, columns: ['name', 'email', 'sortName', 'searchText'] },
  visibleTo: { staff: 'all', system: 'all', customer: (actor) => ({ id: actor.id }) },
  on: {
    CustomerRegistered: ({ streamId: id, version, occurredAt: registeredAt, data }, { put }) =>
      put(id, () => ({ id, ...data, registeredAt, version, ...found(data.name, data.email) })),
    CustomerRenamed: ({ streamId, version, data: { name } }, { update }) =>
      update(streamId, (row) => ({ ...row, name, version, ...found(name, row.email) })),
  },
});
