import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { isAbout } from './erasures.ts';

/** What stands in place of a text that may have contained personal data. */
export const ERASED = '[erased]';

/**
 * Removes what the engine itself has written of the events of erased subjects: the snapshots of their streams, and texts
 * about failures, which may quote values. Snapshots are taken again from the events; who retries an event that failed is told
 * anew why it failed. May be repeated.
 * @param db with the rights of the tables' owner.
 */
export async function purge(db: Database, subjects: readonly string[]): Promise<void> {
  if (subjects.length === 0) return;
  const about = isAbout(subjects);
  const positions = sql`select e.position from es.events e where ${about}`;
  await db.execute(sql`
    delete from es.snapshots s using (select distinct e.stream_type, e.stream_id from es.events e where ${about}) t
    where s.stream_type = t.stream_type and s.stream_id = t.stream_id`);
  for (const table of [sql`read.dead_letters`, sql`read.parked_items`]) {
    await db.execute(sql`
      update ${table} set error = case when error is not null then ${ERASED} end,
                          reason = case when reason is not null then ${ERASED} end
      where (error is not null or reason is not null) and position in (${positions})`);
  }
  // A deadline has no event. It belongs to the process, whose stream is its partition.
  await db.execute(sql`
    update read.parked_items set error = ${ERASED}
    where position = 0 and error is not null
      and line in (select e.stream_type || '/' || e.stream_id from es.events e where ${about})`);
  await db.execute(sql`
    update read.checkpoints set failure = ${ERASED} where failure is not null and position + 1 in (${positions})`);
}
