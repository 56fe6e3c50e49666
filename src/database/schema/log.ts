import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  index,
  integer,
  jsonb,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytea, esSchema, instant } from './schemas.ts';

// The tables of the log.

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
    /**
     * On the last event of each command: 128 bits of the hash of its name, input and actor. That row is the command's
     * receipt.
     */
    commandFingerprint: uuid('command_fingerprint'),
    eventId: uuid('event_id').notNull(),
    occurredAt: instant('occurred_at').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    /**
     * SHA-256 over the hash of the event before it and its own content. A trigger computes it for every INSERT. Null on events
     * from before the chain: theirs are in `former_hashes`.
     */
    hash: bytea('hash'),
  },
  (table) => [
    unique('events_stream_version').on(table.streamType, table.streamId, table.version),
    uniqueIndex('events_command').on(table.commandId).where(sql`command_fingerprint is not null`),
  ],
);

/**
 * Receipts of commands that decided no events and whose clients gave an id, which the log itself cannot remember. An id
 * is here or in the log, never in both: `es.append` checks both under its lock. Append-only like the log.
 */
export const receipts = esSchema.table('receipts', {
  commandId: uuid('command_id').primaryKey(),
  fingerprint: uuid('fingerprint').notNull(),
  /** Identifies the append that wrote it, like an event's id. */
  receiptId: uuid('receipt_id').notNull(),
  streamType: text('stream_type').notNull(),
  streamId: uuid('stream_id').notNull(),
  /** The stream's version, which the command did not change. */
  version: integer('version').notNull(),
  /** The position of the log's end at that time. */
  position: bigint('position', { mode: 'number' }).notNull(),
  metadata: jsonb('metadata').notNull(),
  acceptedAt: instant('accepted_at').notNull(),
});

/** The current version of each stream. */
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
    // To check whether another aggregate has an id. Not unique: a process shares the id of what it is about.
    index('streams_id').on(table.streamId),
  ],
);

/**
 * The way of a whole batch into the log: a trigger appends to `events` what is inserted here, with hashes that are computed for all
 * of it at once. So it never has rows.
 */
export const batches = esSchema.table(
  'batches',
  {
    /** Position of the last event before the batch; 0 if there is none. */
    head: bigint('head', { mode: 'number' }),
    recordedAt: instant('recorded_at'),
    // Of each stream of the batch: what it is, and its version before and after.
    streamTypes: text('stream_types').array(),
    streamIds: uuid('stream_ids').array(),
    befores: integer('befores').array(),
    afters: integer('afters').array(),
    // Of each event of the batch; the stream as its number, from 1.
    streams: integer('streams').array(),
    versions: integer('versions').array(),
    commandIds: uuid('command_ids').array(),
    fingerprints: uuid('fingerprints').array(),
    eventIds: uuid('event_ids').array(),
    types: text('types').array(),
    schemaVersions: smallint('schema_versions').array(),
    metadata: jsonb('metadata'),
    data: jsonb('data'),
  },
  // The trigger keeps each row out before this is checked. If it is off, the append fails instead of losing its events.
  () => [check('batches_never_stored', sql`false`)],
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

/** One row, which identifies the history. */
export const store = esSchema.table('store', {
  id: smallint('id').primaryKey().default(1),
  /**
   * An operator has accepted that events up to this position were recorded in the future: later events need not follow
   * their time.
   */
  acceptedPosition: bigint('accepted_position', { mode: 'number' }).notNull().default(0),
  /** Part of every consistency token; renewed after a restore from backup. */
  epoch: uuid('epoch').notNull(),
  /**
   * The time, in ms since 1970, of the engine's migration that code must have to run on this database; older code refuses to
   * start. A migration that takes something away from running servers sets it.
   */
  leastMigration: bigint('least_migration', { mode: 'number' }).notNull().default(0),
  /** The tenant whose database this is, so that no other is ever served from it; null if it is not one of a tenant. */
  tenant: text('tenant'),
  createdAt: instant('created_at').notNull().default(sql`now()`),
});

/**
 * Each time that an operator has accepted events in the future. An event is read as if it had been recorded no later than
 * it was accepted, the first time if there are several.
 */
export const acceptances = esSchema.table('acceptances', {
  /** Position of the last event that was accepted. */
  upTo: bigint('up_to', { mode: 'number' }).primaryKey(),
  acceptedAt: instant('accepted_at').notNull(),
});

/** The tenants of a database that they share. The only table that says which there are. */
export const tenants = esSchema.table('tenants', {
  name: text('name').primaryKey(),
  startedAt: instant('started_at').notNull().default(sql`now()`),
});
