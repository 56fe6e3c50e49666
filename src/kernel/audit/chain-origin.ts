import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { HASH_BYTES, originHash } from '../proof/hashes.ts';

/** Events whose hashes are in one row of `es.former_hashes`. */
export const FORMER_PAGE = 1000;

/** Where the chain of hashes of a log begins. */
export interface ChainOrigin {
  /** The text whose hash stands before the first event. */
  readonly text: string;
  /** The hash of this text. */
  readonly hash: Buffer;
  /** The last event that was hashed some time after it was recorded; 0 if there is none. */
  readonly formerPosition: number;
  /** When these were hashed; undefined while they still are: later events have no hashes yet. */
  readonly completedAt: Date | undefined;
}

/** @throws {Error} if the database has lost the row. */
export async function readOrigin(db: Database): Promise<ChainOrigin> {
  const [row] = await db.execute<{ origin: string; former: number; completed: number | null }>(
    sql`select origin, former_position as former, date_part('epoch', completed_at) * 1000 as completed from es.chain`,
  );
  if (!row) throw new Error('The row of es.chain is missing: it says where the hashes of the log begin. Restore it.');
  const text = `afterwrite log ${row.origin}`;
  return {
    ...{ text, hash: originHash(text), formerPosition: Number(row.former) },
    completedAt: row.completed === null ? undefined : new Date(row.completed),
  };
}

/**
 * The hash that is stored with the event at a position, or stands before the first one; undefined if there is none. No function of the
 * schema is called: whoever owns the database could replace it.
 */
export async function readHash(db: Database, position: number): Promise<Buffer | undefined> {
  if (position === 0) return (await readOrigin(db)).hash;
  const nth = (position - 1) % FORMER_PAGE;
  const [row] = await db.execute<{ hash: Buffer | null }>(sql`
    select coalesce((select hash from es.events where position = ${position}::bigint),
                    (select substr(hashes, ${nth * HASH_BYTES + 1}::int, ${HASH_BYTES}::int) from es.former_hashes
                     where first = ${position - nth}::bigint)) as hash`);
  return row?.hash?.length === HASH_BYTES ? row.hash : undefined;
}

/** The last position of the log; 0 if it is empty. */
export async function readEnd(db: Database): Promise<number> {
  const [row] = await db.execute<{ end: number }>(sql`select coalesce(max(position), 0) as end from es.events`);
  return Number(row?.end ?? 0);
}
