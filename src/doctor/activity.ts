import { sql } from 'drizzle-orm';
import { MIGRATION_LOCK } from '../database/activity/locks.ts';
import type { Database } from '../database/client.ts';
import { type Finding, ok, warning } from './finding.ts';

/** A transaction that is open for longer than this slows others down, in seconds. */
const LONG_S = 60;

interface OpenTransaction extends Record<string, unknown> {
  readonly who: string;
  readonly seconds: number;
}

/**
 * Activity of others on this server that slows down appends and projections.
 * @param longS how long a transaction may be open without being reported, in seconds.
 */
export async function checkActivity(db: Database, longS = LONG_S): Promise<Finding[]> {
  return [...(await checkTransactions(db, longS)), ...(await checkMigrationLock(db))];
}

/**
 * Transactions that keep old versions of rows, and sessions that hold a snapshot, including prepared transactions and
 * replication slots.
 */
async function checkTransactions(db: Database, longS: number): Promise<Finding[]> {
  const rows = await db.execute<OpenTransaction>(sql`
    select * from (
      select format('process %s (application %s, user %s, %s)', pid, coalesce(nullif(application_name, ''), 'unnamed'), usename, state) as who,
             extract(epoch from clock_timestamp() - xact_start)::float8 as seconds
      from pg_stat_activity
      where pid <> pg_backend_pid() and backend_type = 'client backend' and (backend_xmin is not null or backend_xid is not null)
      union all
      select format('the prepared transaction %s of %s', gid, owner), extract(epoch from clock_timestamp() - prepared)::float8
      from pg_prepared_xacts where database = current_database()
    ) holders
    where seconds > ${longS}::float8 order by seconds desc limit 5`);
  const slots = await db.execute<{ name: string; age: number }>(sql`
    select slot_name as name, greatest(age(xmin), age(catalog_xmin))::int as age from pg_replication_slots
    where not active and (xmin is not null or catalog_xmin is not null)`);
  const found = [
    ...rows.map(({ who, seconds }) =>
      warning(
        'transactions',
        `${who} has had a transaction open for ${Math.round(Number(seconds))} s`,
        'Rows that change often become slow meanwhile: end it if nobody needs it.',
      ),
    ),
    ...slots.map(({ name, age }) =>
      warning(
        'transactions',
        `nobody uses the replication slot ${name}, which keeps the row versions of ${age} transactions`,
        `Let its standby go on, or drop it: select pg_drop_replication_slot('${name.replaceAll("'", "''")}').`,
      ),
    ),
  ];
  return found.length > 0 ? found : [ok('transactions', `no transaction has been open for more than ${longS} s`)];
}

async function checkMigrationLock(db: Database): Promise<Finding[]> {
  const [holder] = await db.execute<{ pid: number }>(sql`
    select pid from pg_locks
    where locktype = 'advisory' and granted and objsubid = 1 and classid = 0 and objid = ${MIGRATION_LOCK}
      and database = (select oid from pg_database where datname = current_database())`);
  if (!holder) return [ok('migration lock', 'nobody holds it')];
  return [
    warning(
      'migration lock',
      `process ${holder.pid} of Postgres holds it`,
      `A server migrates, or has hung: servers that start wait for it. To end it: select pg_terminate_backend(${holder.pid}).`,
    ),
  ];
}
