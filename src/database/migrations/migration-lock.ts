import { sql } from 'drizzle-orm';
import { later, type Timer } from '../../scheduling/timers.ts';
import { MIGRATION_LOCK } from '../activity/locks.ts';
import { type Database, openPool } from '../client.ts';
import { rootOf } from '../errors.ts';
import type { DatabaseObserver } from '../occurrences.ts';

/** When the holder of the lock is first reported, and how often again, in ms. */
const FIRST_REPORT_MS = 1000;
const REPORT_EVERY_MS = 10_000;

export interface LockWait {
  readonly url: string;
  /** Told of the holder each time. */
  readonly observer: DatabaseObserver;
  readonly firstReportMs?: number | undefined;
  readonly reportEveryMs?: number | undefined;
}

/**
 * Takes the migration lock on the one connection of `db`, however long another process holds it. After a second, and
 * every ten seconds again, reports who holds it, since when and with which statement.
 */
export async function lockMigrations(db: Database, wait: LockWait): Promise<void> {
  const { url, observer, firstReportMs = FIRST_REPORT_MS, reportEveryMs = REPORT_EVERY_MS } = wait;
  const began = performance.now();
  let isOver = false;
  let reporting: Promise<void> | undefined;
  let timer: Timer;
  const report = async () => {
    const holder = await holderOf(url).catch((error) => `who holds it cannot be seen (${rootOf(error).message})`);
    if (isOver) return;
    const seconds = Math.round((performance.now() - began) / 1000);
    const message = `The migration has waited for its lock for ${seconds} s: ${holder}.`;
    observer.tell('databaseNoticed', { message });
    timer = later(reportEveryMs, again);
  };
  const again = () => {
    reporting = report();
  };
  timer = later(firstReportMs, again);
  try {
    await db.execute(sql`select pg_advisory_lock(${MIGRATION_LOCK})`);
  } finally {
    isOver = true;
    timer.cancel();
    await reporting;
  }
}

interface LockHolder extends Record<string, unknown> {
  readonly pid: number;
  readonly application: string | null;
  readonly user: string | null;
  readonly client: string | null;
  readonly state: string | null;
  readonly query: string | null;
  readonly seconds: number | null;
}

/** On a connection of its own, because the other one waits. */
async function holderOf(url: string): Promise<string> {
  const pool = openPool({
    ...{ url, connections: 1, applicationName: 'afterwrite migrate' },
    settings: { statement_timeout: '3000' },
  });
  try {
    const [holder] = await pool.db.execute<LockHolder>(sql`
      select l.pid, application_name as application, usename as "user", host(client_addr) as client, state,
             left(query, 200) as query, extract(epoch from clock_timestamp() - state_change)::float8 as seconds
      from pg_locks l left join pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.classid = 0 and l.objid = ${MIGRATION_LOCK}
        and l.database = (select oid from pg_database where datname = current_database())`);
    if (!holder) return 'it has just become free';
    const { pid, application, user, client, state, query, seconds } = holder;
    const since = seconds === null ? '' : ` for ${Math.max(0, Math.round(seconds))} s`;
    return (
      `process ${pid} of Postgres holds it (application ${application || 'unnamed'}, user ${user ?? 'unknown'}, ` +
      `from ${client ?? 'this machine'}), ${state ?? 'in a state that this user may not see'}${since}, last statement: ` +
      `${query?.replace(/\s+/g, ' ') || 'not to be seen'}. If it does not go on, end it: select pg_terminate_backend(${pid})`
    );
  } finally {
    await pool.close(1000);
  }
}
