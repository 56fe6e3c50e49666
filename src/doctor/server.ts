import { sql } from 'drizzle-orm';
import type { Database } from '../database/client.ts';
import { DatabaseError } from '../database/errors.ts';
import { checkServer } from '../database/server-check.ts';
import { SESSION_SETTINGS } from '../database/session.ts';
import { wallTime } from '../kernel/clock/wall-clock.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** A clock difference that does not affect deadlines and lags, in ms. */
const CLOCK_MS = 1000;

/** Whether this server can be used, and its kind. */
export async function checkFitness(db: Database): Promise<Finding[]> {
  const [row] = await db.execute<{
    version: string;
    encoding: string;
    locale: string;
    standby: boolean;
    readonly: string;
  }>(sql`
    select current_setting('server_version') as version, pg_encoding_to_char(encoding) as encoding, datcollate as locale,
           pg_is_in_recovery() as standby, current_setting('transaction_read_only') as readonly
    from pg_database where datname = current_database()`);
  const { version = '', encoding = '', locale = '', standby = false, readonly = 'off' } = row ?? {};
  const fitness = await checkServer(db).then(
    () => ok('server', `Postgres ${version}, encoding ${encoding}, locale ${locale}`),
    (error) => {
      if (!(error instanceof DatabaseError)) throw error;
      return problem('server', error.message, 'See the message; the server does not start on this database.');
    },
  );
  const isWritable = !standby && readonly === 'off';
  return [
    fitness,
    isWritable
      ? ok('writing', 'the server can be written to')
      : problem(
          'writing',
          standby ? 'the server is a standby, which only reads' : 'sessions here only read',
          'Let DATABASE_URL lead to the primary; with several hosts, target_session_attrs=read-write finds it.',
        ),
  ];
}

/** Settings by database or role that would change the behaviour of sessions. Every session overrides them. */
export async function checkStoredSettings(db: Database): Promise<Finding[]> {
  const rows = await db.execute<{ place: string; setting: string }>(sql`
    select case when setdatabase = 0 then '' else 'database ' || datname end
             || case when setdatabase <> 0 and setrole <> 0 then ', ' else '' end
             || case when setrole = 0 then '' else 'role ' || rolname end as place, unnest(setconfig) as setting
    from pg_db_role_setting left join pg_database d on d.oid = setdatabase left join pg_roles r on r.oid = setrole
    where (setdatabase = 0 or datname = current_database()) and (setrole = 0 or rolname = current_user)
    order by 1, 2`);
  const names = new Map(Object.entries(SESSION_SETTINGS).map(([name, value]) => [name.toLowerCase(), value]));
  const found = rows.flatMap(({ place, setting }) => {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    const wanted = names.get(name.toLowerCase());
    if (wanted === undefined || wanted === value) return [];
    return [
      warning(
        'settings',
        `${name} is '${value}' (${place})`,
        `Nothing has to be done: every session sets it to '${wanted}'. Other tools on this database see '${value}'.`,
      ),
    ];
  });
  return found.length > 0
    ? found
    : [ok('settings', 'nothing is set for the database or the user that sessions have to change')];
}

/** Settings that decide whether an acknowledged event survives a crash. */
export async function checkDurability(db: Database): Promise<Finding[]> {
  const rows = await db.execute<{ name: string; setting: string; source: string; file: string | null }>(sql`
    select name, setting, source, sourcefile as file from pg_settings where name in ('fsync', 'full_page_writes')`);
  const off = rows.filter(({ setting }) => setting !== 'on');
  if (off.length === 0) return [ok('durability', 'fsync and full_page_writes are on')];
  return off.map(({ name, setting, source }) =>
    problem(
      'durability',
      `${name} is ${setting} (${source})`,
      `A crash of the machine may lose or damage what was acknowledged: set ${name} = on, unless this is a test.`,
    ),
  );
}

/** Postgres' clock compared with this machine's, accurate to half of the round trip. */
export async function checkClock(db: Database): Promise<Finding[]> {
  const began = performance.now();
  const before = wallTime();
  const [row] = await db.execute<{ ms: number }>(
    sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`,
  );
  const tripMs = performance.now() - began;
  const skewMs = Number(row?.ms ?? before) - (before + tripMs / 2);
  const shown = `Postgres' clock differs by ${Math.round(skewMs)} ms (to within ${Math.ceil(tripMs / 2)} ms)`;
  if (Math.abs(skewMs) - tripMs / 2 <= CLOCK_MS) return [ok('clock', shown)];
  return [warning('clock', shown, "Postgres' clock decides; let both machines keep time with NTP.")];
}

/** Detects a pooler between this process and Postgres. */
export async function checkPooler(db: Database): Promise<Finding[]> {
  const pids = new Set<number>();
  for (let round = 0; round < 3; round++) {
    const [row] = await db.execute<{ pid: number; name: string }>(sql`
      select pg_backend_pid() as pid, current_setting('application_name') as name`);
    if (row) pids.add(row.pid);
  }
  if (pids.size <= 1) return [ok('pooler', 'statements of one connection reach one backend')];
  return [
    problem(
      'pooler',
      `statements of one connection reach ${pids.size} backends, as behind a pooler in transaction mode`,
      'Let DATABASE_URL lead to Postgres itself, or to a pooler in session mode.',
    ),
  ];
}
