import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, jsonb, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core';
import { instant, readSchema } from './schemas.ts';

// The tables of everything that consumes the log.

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
    /**
     * What has filled the rows, if the table has those of other tenants too: see `kernel/read/fold-source/fold-check.ts`. A table of one
     * store says so itself.
     */
    fold: text('fold'),
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
