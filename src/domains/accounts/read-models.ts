import { bigint, index, integer, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, type RecordedEvent, readTable } from '../../index.ts';
import type { Money } from '../shared/money.ts';
import { customer } from '../shared/person.ts';
import { Account } from './account.ts';
import { TransferCompleted, TransferDebited, TransferFailed, TransferRefunded, TransferRefused } from './settlement.ts';
import { Transfer } from './transfer.ts';

export const accountsTable = readTable(
  'accounts',
  {
    id: uuid('id').primaryKey(),
    owner: text('owner').notNull(),
    /** In minor units of `currency`. */
    balance: bigint('balance', { mode: 'number' }).notNull(),
    currency: text('currency').notNull(),
    openedAt: timestamp('opened_at', { precision: 3, withTimezone: true }).notNull(),
    version: integer('version').notNull(),
  },
  (table) => [
    index('accounts_opened_at').on(table.openedAt, table.id),
    index('accounts_owner_opened_at').on(table.owner, table.openedAt, table.id),
    index('accounts_currency_opened_at').on(table.currency, table.openedAt, table.id),
  ],
);

type AccountRow = Omit<typeof accountsTable.$inferSelect, 'lastPosition' | 'staleSince'>;
/** How a line of the statement changes its account's row. */
const after =
  ({ version, data: { balance } }: RecordedEvent<string, EntryData>) =>
  (row: AccountRow) => ({ ...row, balance, version });

export const accounts = defineProjection('accounts', {
  description: 'Accounts as they are now.',
  table: accountsTable,
  events: Account.events,
  personal: { of: ({ owner }) => customer(owner), columns: ['owner'] },
  visibleTo: { staff: 'all', system: 'all', customer: (actor) => ({ owner: actor.id }) },
  on: {
    AccountOpened: ({ streamId: id, version, occurredAt: openedAt, data }, { put }) =>
      put(id, () => ({ id, ...data, balance: 0, openedAt, version })),
    MoneyDeposited: (event, { update }) => update(event.streamId, after(event)),
    MoneyWithdrawn: (event, { update }) => update(event.streamId, after(event)),
    MoneySent: (event, { update }) => update(event.streamId, after(event)),
    MoneyReceived: (event, { update }) => update(event.streamId, after(event)),
    MoneyReturned: (event, { update }) => update(event.streamId, after(event)),
    TransferClosed: ({ streamId, version }, { update }) => update(streamId, (row) => ({ ...row, version })),
  },
});

export const ENTRY_KINDS = ['DEPOSIT', 'WITHDRAWAL', 'TRANSFER_OUT', 'TRANSFER_IN', 'REFUND'] as const;

export const entriesTable = readTable(
  'account_entries',
  {
    /** The event's id: a line is one event, and never changes. */
    id: uuid('id').primaryKey(),
    accountId: uuid('account_id').notNull(),
    /** The version of the account's stream. Versions can be missing: some events are not entries. */
    version: integer('version').notNull(),
    kind: text('kind', { enum: ENTRY_KINDS }).notNull(),
    /** The amount in minor units of `currency`; above zero in both directions. */
    amount: bigint('amount', { mode: 'number' }).notNull(),
    /** The balance after the entry. */
    balance: bigint('balance', { mode: 'number' }).notNull(),
    currency: text('currency').notNull(),
    reference: text('reference'),
    occurredAt: timestamp('occurred_at', { precision: 3, withTimezone: true }).notNull(),
  },
  (table) => [
    index('account_entries_version').on(table.accountId, table.version, table.id),
    index('account_entries_occurred_at').on(table.accountId, table.occurredAt, table.version),
  ],
);

interface EntryData {
  readonly amount: Money;
  readonly balance: number;
  readonly reference?: string | null | undefined;
}
const entry = (kind: (typeof ENTRY_KINDS)[number], event: RecordedEvent<string, EntryData>) => () => {
  const { eventId: id, streamId: accountId, version, occurredAt, data } = event;
  const { amount, currency } = data.amount;
  return {
    id,
    accountId,
    version,
    kind,
    amount,
    balance: data.balance,
    currency,
    reference: data.reference ?? null,
    occurredAt,
  };
};
export const entries = defineProjection('accountEntries', {
  description: 'The lines of all statements, each with the balance after it.',
  table: entriesTable,
  // 2: each line has an id.
  version: 2,
  events: Account.events,
  // The row does not say whose account it is. The account's id is in its key.
  personal: { of: () => null, columns: ['reference'] },
  // Customers see entries as parts of their accounts.
  visibleTo: { staff: 'all', system: 'all' },
  on: {
    MoneyDeposited: (event, { put }) => put(event.eventId, entry('DEPOSIT', event)),
    MoneyWithdrawn: (event, { put }) => put(event.eventId, entry('WITHDRAWAL', event)),
    MoneySent: (event, { put }) => put(event.eventId, entry('TRANSFER_OUT', event)),
    MoneyReceived: (event, { put }) => put(event.eventId, entry('TRANSFER_IN', event)),
    MoneyReturned: (event, { put }) => put(event.eventId, entry('REFUND', event)),
  },
});

export const TRANSFER_STATES = ['REQUESTED', 'DEBITED', 'COMPLETED', 'REFUNDED', 'FAILED'] as const;

export const transfersTable = readTable(
  'transfers',
  {
    id: uuid('id').primaryKey(),
    state: text('state', { enum: TRANSFER_STATES }).notNull(),
    amount: bigint('amount', { mode: 'number' }).notNull(),
    currency: text('currency').notNull(),
    fromAccountId: uuid('from_account_id').notNull(),
    toAccountId: uuid('to_account_id').notNull(),
    /** The owner of the money; null if there was no such account. */
    owner: text('owner'),
    failure: text('failure'),
    requestedAt: timestamp('requested_at', { precision: 3, withTimezone: true }).notNull(),
  },
  (table) => [
    index('transfers_requested_at').on(table.requestedAt, table.id),
    index('transfers_state_requested_at').on(table.state, table.requestedAt, table.id),
    index('transfers_owner_requested_at').on(table.owner, table.requestedAt, table.id),
    index('transfers_from_requested_at').on(table.fromAccountId, table.requestedAt, table.id),
    index('transfers_to_requested_at').on(table.toAccountId, table.requestedAt, table.id),
  ],
);

const failureOf = ({ code, message }: { readonly code: string; readonly message: string }) => `${code}: ${message}`;

export const transfers = defineProjection('transfers', {
  description: 'Transfers, and how far each has got.',
  table: transfersTable,
  // 2: lists need the time of the request.
  version: 2,
  events: {
    ...Transfer.events,
    TransferDebited,
    TransferCompleted,
    TransferFailed,
    TransferRefused,
    TransferRefunded,
  },
  personal: { of: ({ owner }) => (owner === null ? null : customer(owner)), columns: ['owner', 'failure'] },
  visibleTo: { staff: 'all', system: 'all', customer: (actor) => ({ owner: actor.id }) },
  on: {
    TransferRequested: ({ streamId: id, occurredAt: requestedAt, data }, { upsert }) => {
      const { fromAccountId, toAccountId, amount, owner } = data;
      const begun = { id, ...amount, fromAccountId, toAccountId, owner, requestedAt };
      return upsert(id, () => ({ ...begun, state: 'REQUESTED', failure: null }));
    },
    TransferDebited: ({ streamId }, { update }) => update(streamId, (row) => ({ ...row, state: 'DEBITED' })),
    TransferCompleted: ({ streamId }, { update }) => update(streamId, (row) => ({ ...row, state: 'COMPLETED' })),
    TransferFailed: ({ streamId, data }, { update }) =>
      update(streamId, (row) => ({ ...row, state: 'FAILED', failure: failureOf(data) })),
    TransferRefused: ({ streamId, data }, { update }) =>
      update(streamId, (row) => ({ ...row, failure: failureOf(data) })),
    TransferRefunded: ({ streamId }, { update }) => update(streamId, (row) => ({ ...row, state: 'REFUNDED' })),
  },
});
