import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../../database/client.ts';

/** The class of the advisory locks that are beacons. */
const BEACONS = 4651733;

/**
 * A parameter of JSON, for which a beacon is lit first: an advisory lock that others can see as long as the statement is at
 * work. Nobody waits for it.
 */
export const lit = (json: string) => {
  const beacon = sql`${sql.placeholder('beacon')}::int`;
  const isLit = sql`pg_try_advisory_xact_lock_shared(${sql.raw(String(BEACONS))}, ${beacon})`;
  return sql`case when ${beacon} is null or ${isLit} then ${sql.placeholder(json)}::jsonb end`;
};

/** Whether an append with this beacon is at work, as any connection can see. */
export function appendsAtWork(db: Database): (beacon: number) => Promise<boolean> {
  const look = prepared<{ n: number }>(
    db,
    'es_beacon',
    sql`select 1 as n from pg_locks
        where locktype = 'advisory' and classid = ${sql.raw(String(BEACONS))}::oid and objid = ${sql.placeholder('beacon')}::oid
          and database = (select oid from pg_database where datname = current_database())
        limit 1`,
  );
  return async (beacon) => (await look({ beacon })).length > 0;
}
