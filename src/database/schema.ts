import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
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

/** The schema of the log. Only the kernel's write side and the projector's role read it. */
export const esSchema = pgSchema('es');
/** The schema of everything that queries read. The reader's role sees nothing else. */
export const readSchema = pgSchema('read');

/** Millisecond precision, like JavaScript's Date: an instant passes through the application unchanged. */
export const instant = (name: string) => timestamp(name, { precision: 3, withTimezone: true, mode: 'date' });

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

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

/**
 * Who has read whose personal data. Written with `AUDIT_READS=on`, and read by nobody but the owner. It has no personal data of the
 * subjects.
 */
export const reads = esSchema.table(
  'reads',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity(),
    at: instant('at').notNull(),
    /** The id of the actor who has read. */
    actor: text('actor').notNull(),
    roles: text('roles').array().notNull(),
    correlationId: text('correlation_id').notNull(),
    readModel: text('read_model').notNull(),
    /** The key of the row; the parts of a key of several columns are separated by slashes. */
    rowKey: text('row_key').notNull(),
    /** Whose data it is, as type/id; null if that is not known. */
    subject: text('subject'),
    /** The fields of the API that were shown. */
    fields: text('fields').array().notNull(),
  },
  (table) => [index('reads_subject').on(table.subject, table.id), index('reads_actor').on(table.actor, table.id)],
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
 * The data keys with which personal parts of events are encrypted, wrapped by the keyring. Erasing a subject deletes its keys, and
 * makes those in old backups useless.
 */
export const subjectKeys = esSchema.table(
  'subject_keys',
  {
    /** As `person/ID`. */
    subject: text('subject').notNull(),
    /** The last day on which the parts that it encrypts are kept, such as 2027-01-31; empty if they have no such day. */
    until: text('until').notNull().default(''),
    wrapped: bytea('wrapped').notNull(),
    createdAt: instant('created_at').notNull().default(sql`now()`),
  },
  (table) => [
    primaryKey({ columns: [table.subject, table.until] }),
    index('subject_keys_until').on(table.until).where(sql`until <> ''`),
  ],
);

/** The keyring that has wrapped the keys: one row, if there is one. */
export const keyring = esSchema.table('keyring', {
  one: smallint('one').primaryKey().default(1),
  id: uuid('id').notNull(),
  /** Number of subjects that were erased in it. A copy of it with fewer is refused. */
  erasures: integer('erasures').notNull().default(0),
  since: instant('since').notNull().default(sql`now()`),
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

/**
 * The position of each consumer of the log, and the instance that owns it. The table is in schema `read`, so that it is
 * replicated with the rows to a read replica and the reader's role may see it. A table that is filled next to the live
 * one (a rebuild) has a row of its own.
 */
export const checkpoints = readSchema.table(
  'checkpoints',
  {
    /**
     * Identifies the row, also in `dead_letters.projection` and `parked_items.consumer`. Nothing is read out of it: kind and
     * name of the consumer have columns of their own. See `kernel/define/checkpoint-id.ts`.
     */
    key: text('projection').primaryKey(),
    /** `projection`, `rebuild`, `verify`, `process` or `effect`. Releases before 0022 do not set it: a trigger does. */
    kind: text('kind').notNull(),
    /** The name of the projection, of the kind of processes or of the effect. */
    consumer: text('consumer').notNull(),
    /** Every event up to here has been seen, of interest or not. */
    position: bigint('position', { mode: 'number' }).notNull().default(0),
    /** The projection's version, which has a table of its own; 1 for processes and effects. */
    version: integer('version').notNull(),
    /**
     * Incremented if another session than the owner's changes the table or the parked events. A batch that the owner is
     * working on is then based on the former content, and is refused.
     */
    generation: integer('generation').notNull().default(1),
    /** Position at which the table is complete: the end of the log when the fill began. */
    wholeAt: bigint('whole_at', { mode: 'number' }).notNull().default(0),
    /** The instance that runs it, until `leaseUntil`. */
    owner: uuid('owner'),
    leaseUntil: instant('lease_until'),
    /** The owner's process, as host:pid. A process on the same host can see that it is dead, and need not wait for its lease to end. */
    ownerProcess: text('owner_process'),
    /** Why it cannot continue; null while it runs. */
    failure: text('failure'),
    /**
     * Number of erasures of subjects that its table takes into account: its fill began after them, or none of their events
     * reaches it.
     */
    erasures: integer('erasures').notNull().default(0),
    /** The failure is that only newer code can read the next event. */
    isAhead: boolean('is_ahead').notNull().default(false),
    startedAt: instant('started_at').notNull().default(sql`now()`),
    updatedAt: instant('updated_at').notNull().default(sql`now()`),
  },
  (table) => [unique('checkpoints_kind_consumer_version').on(table.kind, table.consumer, table.version)],
);

/** The versions of read models that have tables here, of whichever code. */
export const readModels = readSchema.table('read_models', {
  /** Of its checkpoint. */
  key: text('key').primaryKey(),
  name: text('name').notNull(),
  version: integer('version').notNull(),
  /** Its tables in this schema: that of its rows, and that of its history if it keeps one. */
  tables: text('tables').array().notNull(),
  createdAt: instant('created_at').notNull().default(sql`now()`),
  /** When a process of this version was last seen alive, to about a minute. */
  usedAt: instant('used_at').notNull().default(sql`now()`),
});

/**
 * The processes that are alive. Those that can run projections compute their shares from it, and tables that one of
 * them uses are not dropped.
 */
export const instances = readSchema.table('instances', {
  id: uuid('id').primaryKey(),
  /** As host:pid. */
  process: text('process').notNull(),
  /** Keys of the checkpoints that it can own. */
  moves: text('moves').array().notNull().default(sql`'{}'`),
  /** Keys of the read models whose tables it uses. Null for releases before 0028, which know no versions of tables. */
  uses: text('uses').array(),
  startedAt: instant('started_at').notNull().default(sql`now()`),
  /** The instance counts until then, unless it renews this. */
  aliveUntil: instant('alive_until').notNull(),
});

/**
 * Events that a projection could not apply, and those that wait behind them, under the key with which they are parked:
 * the stream of the first failed event. Discarded events stay, so that a rebuild skips them too.
 */
export const deadLetters = readSchema.table(
  'dead_letters',
  {
    projection: text('projection').notNull(),
    /** Type and id of the stream at fault, as `Loan/01a…`. */
    key: text('key').notNull(),
    /** The event. */
    position: bigint('position', { mode: 'number' }).notNull(),
    streamType: text('stream_type').notNull(),
    streamId: uuid('stream_id').notNull(),
    eventType: text('event_type').notNull(),
    /** The version of the projection that parked it. */
    version: integer('version').notNull(),
    /** True if only its changes to the key's rows wait; otherwise all of it waits. */
    partial: boolean('partial').notNull().default(false),
    /**
     * Keys of the rows that belong to the key from this event on; for the first waiting event, also those before it.
     */
    rows: jsonb('rows').$type<readonly (string | number | readonly (string | number)[])[]>().notNull().default([]),
    /** False if the handler could not say which rows the event changes: `rows` is a guess. */
    rowsKnown: boolean('rows_known').notNull().default(true),
    /** Why it could not be applied; null if it only waits for an earlier event. */
    error: text('error'),
    status: text('status').$type<'PARKED' | 'DISCARDED'>().notNull().default('PARKED'),
    parkedAt: instant('parked_at').notNull().default(sql`now()`),
    discardedAt: instant('discarded_at'),
    /** Who discarded it. */
    discardedBy: text('discarded_by'),
    /** The reason, in their words. */
    reason: text('reason'),
  },
  (table) => [
    // Includes the status: when two keys become one, a parked event may get a key under which the same event was
    // discarded.
    primaryKey({ columns: [table.projection, table.key, table.position, table.status] }),
    index('dead_letters_parked').on(table.projection, table.position).where(sql`status = 'PARKED'`),
  ],
);

/**
 * Items that processes and effects cannot handle for now, and items that wait behind them in the same partition. They do not
 * hold back a checkpoint, survive restarts, and are retried by the instance that runs the kind. An item is an event to handle or
 * a deadline to fire.
 */
export const parkedItems = readSchema.table(
  'parked_items',
  {
    /** Checkpoint of the kind, as `process:Shipping`. */
    consumer: text('consumer').notNull(),
    /**
     * The partition: type and id of the stream that waits, which is a process, or the stream whose calls are made in order.
     */
    partition: text('line').notNull(),
    /** The event; 0 for a deadline. */
    position: bigint('position', { mode: 'number' }).notNull().default(0),
    /** The deadline's name; empty for an event. */
    deadline: text('deadline').notNull().default(''),
    /** When the deadline was due. */
    dueAt: instant('due_at').notNull().default(sql`'epoch'`),
    /** Partitions whose later events wait behind this one. */
    keys: text('keys').array().notNull().default(sql`'{}'`),
    /** The actor on whose behalf it is done. */
    initiator: text('initiator').notNull(),
    eventType: text('event_type'),
    status: text('status').$type<'PARKED' | 'PASSED_OVER'>().notNull().default('PARKED'),
    /** True if an operator has to act: it does not only wait for an answer. */
    isFault: boolean('is_fault').notNull().default(false),
    /** The code of its last failure; null if it only waits for an earlier item. */
    code: text('code'),
    error: text('error'),
    attempts: integer('attempts').notNull().default(0),
    parkedAt: instant('parked_at').notNull().default(sql`now()`),
    triedAt: instant('tried_at'),
    /** When it is tried next; null if it waits behind another item. */
    retryAt: instant('retry_at'),
    /** Set when an operator discards it, with who and why. */
    discardedAt: instant('passed_at'),
    discardedBy: text('passed_by'),
    reason: text('reason'),
  },
  (table) => [
    primaryKey({ columns: [table.consumer, table.partition, table.position, table.deadline, table.dueAt] }),
    index('parked_items_retry').on(table.consumer, table.retryAt).where(sql`status = 'PARKED'`),
    index('parked_items_keys').using('gin', table.keys).where(sql`status = 'PARKED'`),
  ],
);
