import { sql } from 'drizzle-orm';
import { bigint, index, integer, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, esSchema, instant } from './schemas.ts';

// The tables of personal data: how it is encrypted, and who has read it.

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
  /** Its newest generation that has wrapped keys of this store; 0 if that is not known yet. A copy of it with an older one is refused. */
  generation: integer('generation').notNull().default(0),
  /** Tells this generation from another one with the same number, which a copy of the keyring has made. */
  generationMark: text('generation_mark'),
  since: instant('since').notNull().default(sql`now()`),
});

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
  (table) => [
    index('reads_subject').on(table.subject, table.id),
    index('reads_actor').on(table.actor, table.id),
    // Reads are stored in the order of time: this index takes next to nothing.
    index('reads_at').using('brin', table.at),
  ],
);
