import { sql } from 'drizzle-orm';
import { checkServer } from '../database/checks/server-check.ts';
import type { Database } from '../database/client.ts';
import { readTarget } from '../database/connection-string/target.ts';
import { DatabaseError } from '../database/errors.ts';
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

/** Whether the traffic can be read on the network. */
export async function checkEncryption(db: Database, url: string): Promise<Finding[]> {
  const [row] = await db.execute<{ ssl: boolean; version: string | null }>(
    sql`select ssl, version from pg_stat_ssl where pid = pg_backend_pid()`,
  );
  if (row?.ssl) return [ok('encryption', `the connection is encrypted (${row.version})`)];
  if (readTarget(url).servers.every(({ host }) => isNear(host))) {
    return [ok('encryption', 'the connection is not encrypted, and stays on this machine')];
  }
  return [
    warning(
      'encryption',
      'the connection is not encrypted',
      'Write sslmode=verify-full into DATABASE_URL, unless nobody else is in that network.',
    ),
  ];
}

/** True for a socket in the file system, or this machine. */
function isNear(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Postgres' clock compared with this machine's, accurate to half of the round trip. */
export async function checkClock(db: Database, limitMs: number): Promise<Finding[]> {
  const began = performance.now();
  const before = wallTime();
  const [row] = await db.execute<{ ms: number }>(
    sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`,
  );
  const tripMs = performance.now() - began;
  const skewMs = Number(row?.ms ?? before) - (before + tripMs / 2);
  const shown = `Postgres' clock differs by ${Math.round(skewMs)} ms (to within ${Math.ceil(tripMs / 2)} ms)`;
  if (Math.abs(skewMs) - tripMs / 2 <= CLOCK_MS) return [ok('clock', shown)];
  if (limitMs > 0 && Math.abs(skewMs) - tripMs / 2 > limitMs) {
    return [
      problem(
        'clock',
        shown,
        `A server takes no command beyond ${limitMs} ms (CLOCK_SKEW_LIMIT_MS): set both clocks by NTP.`,
      ),
    ];
  }
  return [warning('clock', shown, "Postgres' clock decides; let both machines keep time with NTP.")];
}
