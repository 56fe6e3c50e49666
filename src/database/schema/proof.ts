import { sql } from 'drizzle-orm';
import { bigint, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, esSchema, instant } from './schemas.ts';

// The tables of the proof of the log: what shows that nobody has changed it.

/** One row: where the chain of hashes begins. */
export const chain = esSchema.table('chain', {
  id: smallint('id').primaryKey().default(1),
  /** Identifies the log for as long as it exists, unlike the epoch. The hash before the first event is derived from it. */
  origin: uuid('origin').notNull(),
  /** Position of the last event that was hashed some time after it was recorded; 0 if the log began with the chain. */
  formerPosition: bigint('former_position', { mode: 'number' }).notNull().default(0),
  /** When the last of these was hashed. Null until then: new events do not get their hashes yet. */
  completedAt: instant('completed_at'),
});

/** Hashes of events that are older than the chain, 1,000 in a row. The events themselves are never updated. */
export const formerHashes = esSchema.table('former_hashes', {
  /** Position of the first of these events: 1, 1,001, 2,001, … */
  first: bigint('first', { mode: 'number' }).primaryKey(),
  /** 32 bytes for each event. */
  hashes: bytea('hashes').notNull(),
});

/** The events that were encrypted after they were recorded: the one rewrite that the log allows. Append-only like the log. */
export const rewrites = esSchema.table('rewrites', {
  /** Position of the event. */
  position: bigint('position', { mode: 'number' }).primaryKey(),
  /** The leaf of the content that it was recorded with: the chain was computed from it. */
  formerLeaf: bytea('former_leaf').notNull(),
  /** Id of the event that certifies the present content. */
  certificate: uuid('certificate').notNull(),
});

/** The signed states of the log. Append-only like the log. */
export const heads = esSchema.table('heads', {
  /** The last event that it covers. */
  position: bigint('position', { mode: 'number' }).primaryKey(),
  /** What was signed, byte for byte in UTF-8. */
  text: text('text').notNull(),
  /** Ed25519, as base64. */
  signature: text('signature').notNull(),
  /**
   * The roots of the complete subtrees of the Merkle tree of all events up to here, from the largest to the smallest, 32
   * bytes each: the next head continues from them.
   */
  peaks: bytea('peaks').notNull(),
});

/** One row: the instance that signs heads and hands them to the witness. */
export const signer = esSchema.table('signer', {
  id: smallint('id').primaryKey().default(1),
  owner: uuid('owner'),
  leaseUntil: instant('lease_until').notNull().default(sql`'epoch'`),
  /** The witness that has the heads up to `witnessed`: a hash of its URL. Another one begins with the newest head. */
  witness: text('witness'),
  witnessed: bigint('witnessed', { mode: 'number' }).notNull().default(0),
  /** The position of the head that it took last, and Ed25519 over both as base64: `witnessed` alone is not believed. */
  receipt: text('receipt'),
});
