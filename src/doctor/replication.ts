import { sql } from 'drizzle-orm';
import { type Database, openPool } from '../database/client.ts';
import { DatabaseError, describeUrl } from '../database/errors.ts';
import { answerWithin } from '../database/migrations/migrate.ts';
import { engineHistory, migratedTo, newestOf } from '../database/migrations/migration-history.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** A standby that is further behind than this is reported, in bytes and in seconds. */
const LAG_BYTES = 16 * 1024 * 1024;
const LAG_S = 10;
/** Time in which the replica must answer, in ms. */
const ANSWER_WITHIN_MS = 15_000;

/** The primary's view of its standbys. A user without rights sees them without their positions. */
export async function checkStandbys(db: Database): Promise<Finding[]> {
  const rows = await db.execute<{
    name: string;
    sync: string | null;
    bytes: number | null;
    seconds: number | null;
  }>(sql`
    select application_name as name, sync_state as sync, extract(epoch from replay_lag)::float8 as seconds,
           case when not pg_is_in_recovery() then pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 end as bytes
    from pg_stat_replication`);
  const [set] = await db.execute<{ names: string }>(sql`select current_setting('synchronous_standby_names') as names`);
  const names = set?.names ?? '';
  const found: Finding[] = rows
    .filter(({ bytes, seconds }) => Number(bytes) > LAG_BYTES || Number(seconds) > LAG_S)
    .map(({ name, bytes, seconds }) =>
      warning(
        'standbys',
        `${name} is ${Math.round(Number(bytes) / 1024 / 1024)} MiB and ${Math.round(Number(seconds))} s behind`,
        'Look whether it keeps up: a failover would lose as much.',
      ),
    );
  const isSynchronous = rows.some(({ sync }) => sync === 'sync' || sync === 'quorum');
  if (names !== '' && !isSynchronous) {
    found.push(
      problem(
        'standbys',
        `commits wait for a synchronous standby (synchronous_standby_names = '${names}'), and none is connected`,
        'Bring it back, or take it out of synchronous_standby_names: no command is answered meanwhile.',
      ),
    );
  }
  if (rows.length > 0 && names === '') {
    found.push(
      warning(
        'standbys',
        `no standby is synchronous (${rows.length} connected): one that is promoted may lack the last events`,
        'Set synchronous_standby_names, or run restore-epoch after each failover.',
      ),
    );
  }
  return found.length > 0 ? found : [ok('standbys', `${rows.length} are connected, and none is far behind`)];
}

/** Checks the replica of `READ_DATABASE_URL`. */
export async function checkReplica(primary: Database, url: string): Promise<Finding[]> {
  const pool = openPool({ url, connections: 1, kind: 'any', applicationName: 'afterwrite doctor', prepare: false });
  try {
    const { db } = pool;
    const [row] = await answerWithin(
      ANSWER_WITHIN_MS,
      db.execute<{ standby: boolean; seconds: number | null; feedback: string; there: boolean }>(sql`
        select pg_is_in_recovery() as standby, current_setting('hot_standby_feedback') as feedback,
               extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as seconds,
               to_regclass('es.store') is not null as there`),
    );
    if (!row?.there) {
      return [
        warning(
          'replica',
          `${describeUrl(url)} has no tables of this application yet`,
          'A replica gets them from the primary, after its first start.',
        ),
      ];
    }
    const bytes = await bytesBehind(primary, db, row.standby);
    const found = [...(await differences(primary, db, url)), ...lagOf(url, bytes, row.seconds)];
    if (row.standby && row.feedback !== 'on') {
      found.push(
        warning(
          'replica',
          `hot_standby_feedback is ${row.feedback} there`,
          'Set it to on: otherwise vacuuming on the primary cancels queries there.',
        ),
      );
    }
    const kind = row.standby ? `a standby, ${Math.round((bytes ?? 0) / 1024)} KiB behind` : 'no standby';
    return found.length > 0 ? found : [ok('replica', `${describeUrl(url)} is ${kind}, of the same history`)];
  } catch (error) {
    return [problem('replica', DatabaseError.from(error, url).message, 'See the message, and READ_DATABASE_URL.')];
  } finally {
    await pool.close(1000);
  }
}

async function bytesBehind(primary: Database, replica: Database, isStandby: boolean): Promise<number | undefined> {
  if (!isStandby) return undefined;
  const [shown] = await replica.execute<{ lsn: string }>(sql`select pg_last_wal_replay_lsn()::text as lsn`);
  const [row] = await primary.execute<{ bytes: number }>(sql`
    select case when not pg_is_in_recovery()
           then pg_wal_lsn_diff(pg_current_wal_lsn(), ${shown?.lsn ?? null}::text::pg_lsn)::float8 end as bytes`);
  return row ? Number(row.bytes) : undefined;
}

/** Compares the history and the migrations of primary and replica. */
async function differences(primary: Database, replica: Database, url: string): Promise<Finding[]> {
  const epochOf = async (db: Database) => {
    const [row] = await db.execute<{ epoch: string }>(sql`select epoch from es.store`);
    return row?.epoch;
  };
  if ((await epochOf(primary)) !== (await epochOf(replica))) {
    return [
      problem(
        'replica',
        `${describeUrl(url)} holds another history than DATABASE_URL`,
        'Let READ_DATABASE_URL name a replica of the same database.',
      ),
    ];
  }
  if ((await migratedTo(replica, engineHistory)) >= newestOf(engineHistory)) return [];
  return [warning('replica', `${describeUrl(url)} lacks migrations of this version`, 'It gets them from the primary.')];
}

/** A standby that has nothing to replay only knows when it last had something: only bytes show that it is behind. */
function lagOf(url: string, bytes: number | undefined, seconds: number | null): Finding[] {
  if (bytes === undefined || bytes === 0) return [];
  if (bytes < LAG_BYTES && Number(seconds) < LAG_S) return [];
  return [
    warning(
      'replica',
      `${describeUrl(url)} is ${Math.round(bytes / 1024)} KiB behind, and replayed something ${Math.round(Number(seconds))} s ago`,
      'Look whether replaying is paused, delayed or too slow: reads with tokens wait for it.',
    ),
  ];
}
