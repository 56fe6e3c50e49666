import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

/** The schema of the log. Nothing but the kernel's write side and the projector's role reads it. */
export const esSchema = pgSchema('es');
/** The schema of everything that queries read; the reader's database role sees nothing else. */
export const readSchema = pgSchema('read');

/** Milliseconds, like JavaScript's Date: an instant survives the way through the application unchanged. */
const instant = (name: string) => timestamp(name, { precision: 3, withTimezone: true, mode: 'date' });

/** The log. Append-only: triggers refuse everything but INSERT (`drizzle/` has them). */
export const events = esSchema.table(
  'events',
  {
    /** 1, 2, 3, … in commit order, without holes. */
    position: bigint('position', { mode: 'number' }).primaryKey(),
    streamType: text('stream_type').notNull(),
    streamId: uuid('stream_id').notNull(),
    version: integer('version').notNull(),
    type: text('type').notNull(),
    schemaVersion: smallint('schema_version').notNull(),
    data: jsonb('data').notNull(),
    metadata: jsonb('metadata').notNull(),
    commandId: uuid('command_id').notNull(),
    /** On the last event of each command: 128 bits of the hash of its name, input and actor. That row is the receipt. */
    commandFingerprint: uuid('command_fingerprint'),
    eventId: uuid('event_id').notNull(),
    occurredAt: instant('occurred_at').notNull(),
    recordedAt: instant('recorded_at').notNull(),
  },
  (table) => [
    unique('events_stream_version').on(table.streamType, table.streamId, table.version),
    uniqueIndex('events_command').on(table.commandId).where(sql`command_fingerprint is not null`),
  ],
);

/**
 * The receipts of commands that decided no events and whose clients gave an id: what the log itself cannot remember. An id
 * is here or in the log, never in both: `es.append` looks into both under its lock. Append-only like the log.
 */
export const receipts = esSchema.table('receipts', {
  commandId: uuid('command_id').primaryKey(),
  fingerprint: uuid('fingerprint').notNull(),
  /** Of the append that wrote it, as an event's id is. */
  receiptId: uuid('receipt_id').notNull(),
  streamType: text('stream_type').notNull(),
  streamId: uuid('stream_id').notNull(),
  /** The stream's version, which the command left as it was. */
  version: integer('version').notNull(),
  /** Where the log stood. */
  position: bigint('position', { mode: 'number' }).notNull(),
  metadata: jsonb('metadata').notNull(),
  acceptedAt: instant('accepted_at').notNull(),
});

/** Where each stream stands. */
export const streams = esSchema.table(
  'streams',
  {
    streamType: text('stream_type').notNull(),
    streamId: uuid('stream_id').notNull(),
    version: integer('version').notNull(),
    occurredAt: instant('occurred_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.streamType, table.streamId] }),
    // Tells whether another aggregate has an id. Not unique: processes share the ids of what they are about.
    index('streams_id').on(table.streamId),
  ],
);

/** The newest snapshot of each stream that has one. */
export const snapshots = esSchema.table(
  'snapshots',
  {
    streamType: text('stream_type').notNull(),
    streamId: uuid('stream_id').notNull(),
    version: integer('version').notNull(),
    stateVersion: integer('state_version').notNull(),
    state: jsonb('state').notNull(),
    takenAt: instant('taken_at').notNull().default(sql`now()`),
  },
  (table) => [primaryKey({ columns: [table.streamType, table.streamId] })],
);

/** One row: which history this is. */
export const store = esSchema.table('store', {
  id: smallint('id').primaryKey().default(1),
  /** Part of every consistency token; renewed after a restore from backup. */
  /** An operator has said that events up to this position may be recorded in the future: those after it do not follow them. */
  acceptedPosition: bigint('accepted_position', { mode: 'number' }).notNull().default(0),
  epoch: uuid('epoch').notNull(),
  createdAt: instant('created_at').notNull().default(sql`now()`),
});

/**
 * Where each projection stands, and who moves it. It is in schema `read`, so that it travels with the rows to a read
 * replica and the reader's role may see it. A table that is filled beside the live one (a rebuild) has a row of its own.
 */
export const checkpoints = readSchema.table('checkpoints', {
  projection: text('projection').primaryKey(),
  /** Every event up to here has been seen, of interest or not. */
  position: bigint('position', { mode: 'number' }).notNull().default(0),
  /** The projection's own version that filled the table. */
  version: integer('version').notNull(),
  /**
   * Raised by whoever changes the table, or what is parked, from outside: what its owner works out at that moment is based on
   * what was before, and is refused.
   */
  generation: integer('generation').notNull().default(1),
  /** Up to here it has to come before it is whole: where the log was when it began. */
  wholeAt: bigint('whole_at', { mode: 'number' }).notNull().default(0),
  /** The instance that moves it, until `leaseUntil`. */
  owner: uuid('owner'),
  leaseUntil: instant('lease_until'),
  /** The owner's process, as host:pid: one that starts where it was killed need not wait for its lease to end. */
  ownerProcess: text('owner_process'),
  /** Why it stands still, where it does; null while it runs. */
  failure: text('failure'),
  startedAt: instant('started_at').notNull().default(sql`now()`),
  updatedAt: instant('updated_at').notNull().default(sql`now()`),
});

/** The instances that move projections, so that each knows its share. */
export const instances = readSchema.table('instances', {
  id: uuid('id').primaryKey(),
  /** As host:pid. */
  process: text('process').notNull(),
  /** What it is able to move, each as `name@version`. */
  moves: text('moves').array().notNull().default(sql`'{}'`),
  startedAt: instant('started_at').notNull().default(sql`now()`),
  /** It counts until then, unless it says again that it lives. */
  aliveUntil: instant('alive_until').notNull(),
});

/**
 * Events that a projection could not apply, and those that wait behind them, each under the key that it is parked with: the
 * stream of the event that was the first. What is discarded stays, so that a rebuild passes it over too.
 */
export const deadLetters = readSchema.table(
  'dead_letters',
  {
    projection: text('projection').notNull(),
    /** Type and id of the stream at fault, as `Order/01a…`. */
    key: text('key').notNull(),
    /** The event. */
    position: bigint('position', { mode: 'number' }).notNull(),
    streamType: text('stream_type').notNull(),
    streamId: uuid('stream_id').notNull(),
    eventType: text('event_type').notNull(),
    /** The projection's version that parked it. */
    version: integer('version').notNull(),
    /** Only what it does to rows that the key has by then waits; else all of it. */
    partial: boolean('partial').notNull().default(false),
    /** Keys of the rows that the key has from this event on; of the first event that waits, of those before it too. */
    rows: jsonb('rows').$type<readonly (string | number | readonly (string | number)[])[]>().notNull().default([]),
    /** False where the handler could not say which rows the event changes: `rows` is a guess. */
    rowsKnown: boolean('rows_known').notNull().default(true),
    /** Why it could not be applied; null where it only waits for the one before. */
    error: text('error'),
    status: text('status').$type<'PARKED' | 'DISCARDED'>().notNull().default('PARKED'),
    parkedAt: instant('parked_at').notNull().default(sql`now()`),
    discardedAt: instant('discarded_at'),
    /** Who discarded it. */
    discardedBy: text('discarded_by'),
    /** Why, in their words. */
    reason: text('reason'),
  },
  (table) => [
    // With the status: what is parked may come under a key where the same event was discarded, when two keys become one.
    primaryKey({ columns: [table.projection, table.key, table.position, table.status] }),
    index('dead_letters_parked').on(table.projection, table.position).where(sql`status = 'PARKED'`),
  ],
);

/**
 * What processes and effects cannot do for now, and what waits behind it in the same line: it holds no checkpoint back, survives
 * restarts, and is tried again by whoever runs the kind. An item is an event to be answered or a deadline to be told.
 */
export const parkedItems = readSchema.table(
  'parked_items',
  {
    /** Checkpoint of the kind, as `process:Fulfilment`. */
    consumer: text('consumer').notNull(),
    /** Type and id of the stream that waits: a process, or the stream whose calls are made in order. */
    line: text('line').notNull(),
    /** The event; 0 for a deadline. */
    position: bigint('position', { mode: 'number' }).notNull().default(0),
    /** The deadline's name; empty for an event. */
    deadline: text('deadline').notNull().default(''),
    /** When the deadline was due. */
    dueAt: instant('due_at').notNull().default(sql`'epoch'`),
    /** Lines whose later events wait behind this one. */
    keys: text('keys').array().notNull().default(sql`'{}'`),
    /** On whose behalf it is done. */
    initiator: text('initiator').notNull(),
    eventType: text('event_type'),
    status: text('status').$type<'PARKED' | 'PASSED_OVER'>().notNull().default('PARKED'),
    /** True if an operator has to look: it does not only wait for an answer. */
    isFault: boolean('is_fault').notNull().default(false),
    /** Why it failed last; null if it only waits for the one before. */
    code: text('code'),
    error: text('error'),
    attempts: integer('attempts').notNull().default(0),
    parkedAt: instant('parked_at').notNull().default(sql`now()`),
    triedAt: instant('tried_at'),
    /** When it is tried next; null if it waits behind another one. */
    retryAt: instant('retry_at'),
    /** When an operator asked to pass it over, who, and why. */
    passedAt: instant('passed_at'),
    passedBy: text('passed_by'),
    reason: text('reason'),
  },
  (table) => [
    primaryKey({ columns: [table.consumer, table.line, table.position, table.deadline, table.dueAt] }),
    index('parked_items_retry').on(table.consumer, table.retryAt).where(sql`status = 'PARKED'`),
    index('parked_items_keys').using('gin', table.keys).where(sql`status = 'PARKED'`),
  ],
);
