import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { LOCK_NAMES } from './locks.ts';

/** A backend or prepared transaction that others wait for. */
export interface Blocker {
  /** Null for a prepared transaction, which has no backend any more. */
  readonly pid: number | null;
  readonly application: string | null;
  readonly user: string | null;
  /** As in pg_stat_activity: `idle in transaction`, `active`, …; null if this user may not see it. */
  readonly state: string | null;
  /** The beginning of its last statement. It may contain personal data: for operators only. */
  readonly query: string | null;
  /** When its transaction began; without a transaction, when it entered this state. */
  readonly since: Date | null;
}

/** A statement of the application that takes long. */
export interface BusyBackend {
  readonly pid: number;
  /** The pool that runs it, of this process or another: `afterwrite writer`, `afterwrite projector`. */
  readonly application: string;
  readonly query: string;
  /** When the statement began. */
  readonly since: Date;
  /** The lock or other thing that it waits for, in words; null if it does not wait. */
  readonly waitingFor: string | null;
  /** True if it waits for a lock. */
  readonly isLocked: boolean;
  /** The actual blockers, without backends that wait in the same queue. */
  readonly blockers: readonly Blocker[];
}

interface ActivityRow extends Record<string, unknown> {
  pid: number;
  application: string;
  query: string;
  since_ms: number;
  wait_type: string | null;
  wait_event: string | null;
  locktype: string | null;
  mode: string | null;
  relation: string | null;
  key: string | null;
  row_of: string | null;
  blockers: { pid: number; application: string; user: string; state: string; query: string; since_ms: number }[] | null;
}

/** Time after which a running statement is shown, in ms. */
const BUSY_AFTER_MS = 500;
/** Characters of a blocker's statement. */
const QUERY_LENGTH = 200;

/**
 * The statements of the application's writers and projectors on this database that take long, with what they wait for
 * and who blocks them. Needs no rights; but without `pg_read_all_stats` the state and statement of other users'
 * backends are hidden, and their `query` says so.
 */
export async function busyBackends(db: Database): Promise<BusyBackend[]> {
  const rows = await db.execute<ActivityRow>(BUSY);
  return rows.map((row) => ({
    pid: row.pid,
    application: row.application,
    query: row.query,
    since: new Date(row.since_ms),
    waitingFor: describeWait(row),
    isLocked: row.wait_type === 'Lock',
    blockers: (row.blockers ?? []).map(({ pid, application, user, state, query, since_ms }) => ({
      pid: pid || null,
      application: application || null,
      user,
      state,
      query: queryOf(pid, query),
      since: since_ms === null ? null : new Date(since_ms),
    })),
  }));
}

/**
 * A backend that waits for the end of another transaction waits for a row that the other has changed, in a table that
 * both write.
 *
 * `pg_blocking_pids` also names backends that are earlier in the queue. Those that wait themselves are replaced by the
 * backends that they wait for.
 */
const BUSY = sql`
  with recursive busy as (
    -- What a connection string calls the application stands behind the name, in brackets.
    select pid, split_part(application_name, ' (', 1) as application_name, query, query_start, wait_event_type, wait_event
    from pg_stat_activity
    where datname = current_database() and state = 'active' and pid <> pg_backend_pid()
      and split_part(application_name, ' (', 1) in ('afterwrite writer', 'afterwrite projector')
      and query_start < now() - ${sql.raw(`interval '${BUSY_AFTER_MS} ms'`)}
  ),
  chain as (
    select pid, unnest(pg_blocking_pids(pid)) as blocker from busy where wait_event_type = 'Lock'
    union
    select pid, unnest(pg_blocking_pids(blocker)) from chain where blocker <> 0
  ),
  root as (
    select distinct chain.pid, blocker from chain where blocker = 0 or pg_blocking_pids(blocker) = '{}'
  )
  select b.pid, b.application_name as application, b.query, extract(epoch from b.query_start)::float8 * 1000 as since_ms,
    b.wait_event_type as wait_type, b.wait_event, wanted.locktype, wanted.mode, wanted.relation, wanted.key,
    (select t.relation::regclass::text from pg_locks t
      where t.pid = b.pid and (t.locktype = 'tuple' or t.locktype = 'relation' and t.mode = 'RowExclusiveLock' and exists (
        select from pg_locks o join pg_class c on c.oid = o.relation
        where o.pid in (select blocker from root where root.pid = b.pid)
          and o.database = t.database and o.relation = t.relation and o.mode = 'RowExclusiveLock' and c.relkind = 'r'))
      order by t.locktype = 'tuple' desc limit 1) as row_of,
    (select jsonb_agg(jsonb_build_object(
        'pid', root.blocker, 'application', a.application_name, 'user', a.usename, 'state', a.state, 'query', left(a.query, ${sql.raw(String(QUERY_LENGTH))}),
        'since_ms', extract(epoch from coalesce(a.xact_start, a.state_change))::float8 * 1000) order by root.blocker)
      from root left join pg_stat_activity a on a.pid = root.blocker where root.pid = b.pid) as blockers
  from busy b
  left join lateral (
    select locktype, mode, relation::regclass::text as relation,
      case when objsubid = 1 then ((classid::bigint << 32) | objid::bigint)::text else classid || ',' || objid end as key
    from pg_locks l where l.pid = b.pid and not l.granted limit 1
  ) wanted on true
  order by b.query_start`;

function describeWait({ wait_type, wait_event, locktype, mode, relation, key, row_of }: ActivityRow): string | null {
  if (wait_type === null) return null;
  if (wait_type !== 'Lock') {
    return wait_event === 'SyncRep' ? 'a synchronous replica' : `Postgres itself (${wait_type}: ${wait_event})`;
  }
  switch (locktype) {
    case 'advisory':
      return LOCK_NAMES.get(Number(key)) ?? `advisory lock ${key}`;
    case 'relation':
      return `${mode} on ${relation}`;
    case 'tuple':
      return `a row of ${relation}`;
    case 'transactionid':
      return row_of ? `a row of ${row_of}` : 'a row that another transaction has changed';
    case null:
      // The lock was granted in the meantime.
      return `a lock (${wait_event})`;
    default:
      return `${mode} on ${relation ? `${relation} (${locktype})` : locktype}`;
  }
}

function queryOf(pid: number, query: string | null): string | null {
  if (pid === 0) return 'a prepared transaction: see pg_prepared_xacts';
  return query === '<insufficient privilege>'
    ? "another user's statement: the application's user needs pg_read_all_stats to see it"
    : query || null;
}
