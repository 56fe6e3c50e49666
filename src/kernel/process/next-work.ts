import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { deadlines } from '../define/process-manager/process-deadlines.ts';

/**
 * When processes have something to do although nothing happens: a deadline is due, or a parked item is tried again.
 * @param db with the projector's role, of an application that has processes.
 * @returns ms from now, 0 if it is overdue; undefined if there is nothing.
 */
export async function msUntilNextWork(db: Database): Promise<number | undefined> {
  const [row] = await db.execute<{ ms: number | null }>(sql`
    select (extract(epoch from least(
      (select min(d.at) from ${deadlines.table} d where not exists (
        select from read.parked_items p
        where p.consumer = 'process:' || d.process and p.line = d.process || ' ' || d.id and p.position = 0
          and p.deadline = d.name and p.due_at = d.at)),
      (select min(retry_at) from read.parked_items where status = 'PARKED')
    ) - es.now()) * 1000)::float8 as ms`);
  return row?.ms == null ? undefined : Math.max(0, row.ms);
}
