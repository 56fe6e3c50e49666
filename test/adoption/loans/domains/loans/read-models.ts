import { defineProjection, readTable } from 'afterwrite';
import { integer, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { Loan } from './loan.ts';

export const loansTable = readTable('loans', {
  id: uuid('id').primaryKey(),
  book: text('book').notNull(),
  borrower: text('borrower').notNull(),
  status: text('status').notNull(),
  lentAt: timestamp('lent_at', { precision: 3, withTimezone: true }).notNull(),
  version: integer('version').notNull(),
});

export const loans = defineProjection('loans', {
  description: 'Loans as they are now.',
  table: loansTable,
  events: Loan.events,
  visibleTo: { librarian: 'all', member: (actor) => ({ borrower: actor.id }) },
  on: {
    BookLent: ({ streamId: id, version, data, occurredAt: lentAt }, { upsert }) =>
      upsert(id, () => ({ id, ...data, status: 'LENT', lentAt, version })),
    BookReturned: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, status: 'RETURNED', version })),
    LoanOverdue: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, status: 'OVERDUE', version })),
  },
});
