import postgres from 'postgres';
import { within } from '../scheduling/timers.ts';
import { readTarget, type Target } from './connection-string/target.ts';
import { WITHOUT_ARRAY_TYPES } from './driver/array-types.ts';
import { withoutEnvironment } from './driver/environment.ts';
import { WRITTEN_AT_ONCE } from './driver/first-message.ts';
import { type Guard, guard } from './driver/statement.ts';
import { AnswerTracker } from './link/answer-tracker.ts';
import { AnswerWatch, type BackendState } from './link/answer-watch.ts';
import { Links } from './link/link.ts';
import type { ServerKind } from './link/open-session.ts';
import type { CurrentPrefix } from './link/statement-prefix.ts';

/**
 * Settings of every session of the project, whatever `alter database … set` and `alter role … set` say. A start-up
 * parameter overrides both, costs no round trip, and is what `reset` and `discard all` restore.
 *
 * Any user may set all of these. Settings that only a superuser may change are checked instead, see `server-check.ts`.
 */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  // How values are written as text: the driver relies on it.
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  xmlbinary: 'base64',
  xmloption: 'content',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
  // How SQL is read.
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  // `pg_catalog` first, so that its objects cannot be shadowed; only an owner creates objects in `public`.
  search_path: 'pg_catalog, public, pg_temp',
  row_security: 'on',
  // With a limit, an index scan of a GIN index would leave rows out.
  gin_fuzzy_search_limit: '0',
  // `es.append` must read what the append before it has written.
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  synchronous_commit: 'on',
  // Time limits. A pool with its own limits sets them in its options.
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  // For the planning of short statements that use indexes.
  jit: 'off',
  plan_cache_mode: 'auto',
  client_min_messages: 'notice',
  // A failed statement does not end its session.
  exit_on_error: 'off',
};

/** Settings that only newer versions know: an older server would refuse the connection. */
const NEWER_SETTINGS: readonly { readonly since: number; readonly settings: Readonly<Record<string, string>> }[] = [
  { since: 17, settings: { transaction_timeout: '0' } },
];

/** The major version at a URL: each server reports it when a connection is made. */
const versions = new Map<string, number>();

/** The user of a connection, if it is not the user of its URL. */
export interface Login {
  readonly user: string;
  /** Undefined if Postgres asks this user for none. */
  readonly password: string | undefined;
  readonly database: string;
}

export interface SessionOptions {
  readonly url: string;
  /** Undefined: the user of the URL. */
  readonly login?: Login | undefined;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Additional settings of Postgres, or overrides of {@link SESSION_SETTINGS}. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** The kind of server that is needed; by default one that can be written to. */
  readonly kind?: ServerKind | undefined;
  /** Longest time of a statement, in ms, for short statements. By default, as long as Postgres is working on it. */
  readonly answerWithinMs?: number | undefined;
  /**
   * Silence after which another connection checks whether Postgres is working, in ms; {@link PROBE_AFTER_MS} by default.
   */
  readonly probeAfterMs?: number | undefined;
  /** If true, changes no settings, to see those that other clients' sessions get. */
  readonly isPlain?: boolean | undefined;
  /** Records answers, together with other clients of the same pool. */
  readonly answers?: AnswerTracker | undefined;
  /** What is executed before each statement, in its transaction; nothing by default. */
  readonly prefix?: CurrentPrefix | undefined;
}

/** Silence of a connection after which another one checks whether Postgres is working, in ms. */
export const PROBE_AFTER_MS = 3000;
/** Longest time of such a check, in ms. */
const PROBE_MS = 5000;

/**
 * Opens a client of the driver. Every connection of the project is made here, so that every session has the same
 * settings, every connection string has the same meaning, and every connection that does not answer is given up.
 *
 * @param guards between the callers and the driver; only statements sent by `unsafe` pass through them.
 * @throws {ConnectionStringError} if the URL cannot be used.
 */
export function connect<Types extends Record<string, unknown> = Record<string, never>>(
  session: SessionOptions,
  options: postgres.Options<Record<string, postgres.PostgresType>> = {},
  guards: readonly Guard[] = [],
): postgres.Sql<Types> {
  const {
    login,
    kind = 'writable',
    answers = new AnswerTracker(),
    probeAfterMs = PROBE_AFTER_MS,
    answerWithinMs,
    prefix,
  } = session;
  const target = readTarget(session.url);
  const links = new Links({ target, login, kind, prefix });
  const client = openClient(session, target, links, options);
  const watch = new AnswerWatch({
    ...{ links, answers, probeAfterMs, answerWithinMs },
    writes: kind === 'writable',
    probe: (pid, { server = target.servers[0] }) => probe(session, { ...target, servers: [server] }, pid),
  });
  return guard(client, [watch.guard, ...guards]) as unknown as postgres.Sql<Types>;
}

function openClient(
  { url, login, applicationName, settings, isPlain = false }: SessionOptions,
  target: Target,
  links: Links,
  options: postgres.Options<Record<string, postgres.PostgresType>>,
): postgres.Sql {
  const [first] = target.servers;
  const client: postgres.Sql = withoutEnvironment(() =>
    postgres({
      host: first.host,
      port: first.port,
      // The links enforce the limit for each server, and try each at most twice.
      connect_timeout: (target.connectTimeoutMs * target.servers.length * 2) / 1000 + 1,
      ...WITHOUT_ARRAY_TYPES,
      onnotice: () => {},
      ...options,
      username: login?.user ?? target.user,
      password: '',
      database: login?.database ?? target.database,
      ssl: false,
      socket: () => links.create(),
      connection: {
        application_name: target.applicationName ? `${applicationName} (${target.applicationName})` : applicationName,
        options: `${target.options ?? ''}${WRITTEN_AT_ONCE}`,
        ...(isPlain ? {} : { ...SESSION_SETTINGS, ...settingsSince(versions.get(url)) }),
        ...settings,
      },
      onparameter: (name: string, value: string) => {
        if (name !== 'server_version') return;
        versions.set(url, Number.parseInt(value, 10));
        // Takes effect from the next connection on.
        if (!isPlain) Object.assign(client.options.connection, settingsSince(versions.get(url)), settings);
      },
    } as postgres.Options<Record<string, postgres.PostgresType>>),
  ) as unknown as postgres.Sql;
  return client;
}

interface SeenBackend {
  readonly state: string | null;
  readonly wait: string | null;
  /** The backend of the probe itself. */
  readonly prober: number;
}

/**
 * What a backend does, as a new connection sees it. It logs in as the same user and takes no other role, so that Postgres shows it
 * what this user's backends do.
 */
async function probe(
  { url, login, kind = 'writable' }: SessionOptions,
  target: Target,
  pid: number,
): Promise<BackendState> {
  const probing: SessionOptions = { url, login, applicationName: 'afterwrite probe' };
  const client = openClient(probing, target, new Links({ target, login, kind }), { max: 1 });
  try {
    // If another server has taken over, the number may belong to another backend there.
    const asked = client<SeenBackend[]>`
      select state, wait_event_type as wait, pg_catalog.pg_backend_pid() as prober
      from (values (1)) one left join pg_catalog.pg_stat_activity
        on pid = ${pid}::int4 and usename = session_user and datname = pg_catalog.current_database()`;
    const rows = await within<readonly SeenBackend[] | undefined>(PROBE_MS, asked, () => undefined);
    if (!rows) return 'unknown';
    const { state } = asked as unknown as { readonly state?: { readonly pid: number } };
    return stateOf(rows[0], state?.pid);
  } catch {
    return 'unknown';
  } finally {
    void client.end({ timeout: 0 }).catch(() => undefined);
  }
}

/** @param loginPid the number of the probing backend, as Postgres gave it at the login. */
function stateOf(seen: SeenBackend | undefined, loginPid: number | undefined): BackendState {
  if (!seen) return 'unknown';
  // A pooler tells numbers of its own, or Postgres does not keep track: a statement that takes long must not end for that.
  if (seen.prober !== loginPid || seen.state === 'disabled') return 'working';
  // A backend that waits for this side is not working.
  return seen.state === 'active' && seen.wait !== 'Client' ? 'working' : 'idle';
}

function settingsSince(version = 0): Record<string, string> {
  return Object.assign({}, ...NEWER_SETTINGS.filter(({ since }) => version >= since).map((each) => each.settings));
}
