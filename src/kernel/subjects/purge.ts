import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { ERASED, type Subject } from '../define/personal/subject.ts';
import { isAbout } from './erasures.ts';
import { isRetention, type KeptForDays } from './retention.ts';

/**
 * Removes what the engine itself has written of the events of erased subjects: the snapshots of their streams, and texts
 * about failures, which may quote values. Snapshots are taken again from the events; who retries an event that failed is told
 * anew why it failed. May be repeated.
 * @param db with the rights of the tables' owner.
 * @param kept where parts are that are kept for a number of days: if a day is over, it is not known which events it concerns, so
 *   that all of these are treated as if they were.
 */
export async function purge(db: Database, subjects: readonly Subject[], kept: KeptForDays): Promise<void> {
  const people = subjects.filter((subject) => !isRetention(subject));
  if (people.length > 0) await purgeWhere(db, isAbout(people));
  if (people.length < subjects.length && kept.types.length > 0) await purgeKept(db, kept);
}

async function purgeWhere(db: Database, about: ReturnType<typeof isAbout>): Promise<void> {
  await db.execute(sql`
    delete from es.snapshots s using (select distinct e.stream_type, e.stream_id from es.events e where ${about}) t
    where s.stream_type = t.stream_type and s.stream_id = t.stream_id`);
  await forgetFailures(db, sql`select e.position from es.events e where ${about}`);
  // A deadline has no event. It belongs to the process, whose stream is its partition.
  await db.execute(sql`
    update read.parked_items set error = ${ERASED}
    where position = 0 and error is not null
      and line in (select e.stream_type || '/' || e.stream_id from es.events e where ${about})`);
}

async function purgeKept(db: Database, { types, streamTypes }: KeptForDays): Promise<void> {
  await db.execute(
    sql`delete from es.snapshots where stream_type in (select jsonb_array_elements_text(${JSON.stringify(streamTypes)}::jsonb))`,
  );
  // Failures are few: those that there are say which events to look at.
  await forgetFailures(
    db,
    sql`select e.position from es.events e
        where e.type in (select jsonb_array_elements_text(${JSON.stringify(types)}::jsonb)) and e.position in (
          select position from read.dead_letters union all select position from read.parked_items
          union all select position + 1 from read.checkpoints where failure is not null)`,
  );
}

async function forgetFailures(db: Database, positions: ReturnType<typeof sql>): Promise<void> {
  for (const table of [sql`read.dead_letters`, sql`read.parked_items`]) {
    await db.execute(sql`
      update ${table} set error = case when error is not null then ${ERASED} end,
                          reason = case when reason is not null then ${ERASED} end
      where (error is not null or reason is not null) and position in (${positions})`);
  }
  await db.execute(
    sql`update read.checkpoints set failure = ${ERASED} where failure is not null and position + 1 in (${positions})`,
  );
}
