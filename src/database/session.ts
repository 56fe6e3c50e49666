import postgres from 'postgres';
import { readTarget, type Target } from './connection-string/target.ts';
import { withoutEnvironment } from './driver/environment.ts';
import { WRITTEN_AT_ONCE } from './driver/first-message.ts';
import { type Guard, guard } from './driver/statement.ts';
import { AnswerWatch, type Sight } from './link/answer-watch.ts';
import { Answers } from './link/answers.ts';
import { Links } from './link/link.ts';
import type { ServerKind } from './link/open-session.ts';

/**
 * What every session of the project sets, whatever `alter database … set` and `alter role … set` say. A start-up parameter
 * wins over both, costs no round trip, and is what `reset` and `discard all` go back to.
 *
 * All of these may be set by anybody. What only a superuser may set is checked instead, see `hostile-settings.ts`.
 */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  // How values are written as text, which is how the driver reads and sends them.
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
  // What stands in front cannot be replaced by something of the same name; nobody but an owner creates in `public`.
  search_path: 'pg_catalog, public, pg_temp',
  row_security: 'on',
  // An index scan of a GIN index would leave rows out.
  gin_fuzzy_search_limit: '0',
  // What a transaction is: `es.append` reads what the append before it has written.
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  synchronous_commit: 'on',
  // How long things may take. A pool that has a limit of its own says so in its options.
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  // How statements are planned: short ones, by indexes.
  jit: 'off',
  plan_cache_mode: 'auto',
  client_min_messages: 'notice',
  // A statement that fails ends no session.
  exit_on_error: 'off',
};

/** Settings that only newer versions know: an older one would refuse the connection. */
const NEWER_SETTINGS: readonly { readonly since: number; readonly settings: Readonly<Record<string, string>> }[] = [
  { since: 17, settings: { transaction_timeout: '0' } },
];

/** The major version that answered at a URL: each server says it when it is connected to. */
const versions = new Map<string, number>();

/** Who a connection logs in as, if not as the user of its URL. */
export interface Login {
  readonly user: string;
  /** Undefined if Postgres asks this user for none. */
  readonly password: string | undefined;
  readonly database: string;
}

export interface Session {
  readonly url: string;
  /** Undefined: the user of the URL. */
  readonly login?: Login | undefined;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** More settings of Postgres, or other ones than {@link SESSION_SETTINGS}. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Which server will do: one that can be written to unless told. */
  readonly kind?: ServerKind | undefined;
  /** The longest that a statement may take, in ms: for short ones. Unless told, as long as Postgres is at work on it. */
  readonly answerWithinMs?: number | undefined;
  /** Silence after which it is looked whether Postgres is at work, in ms; {@link LOOK_AFTER_MS} unless told. */
  readonly lookAfterMs?: number | undefined;
  /** Told of answers, together with other clients of the same pool. */
  readonly answers?: Answers | undefined;
}

/** Silence of a connection after which it is looked whether Postgres is still at work, in ms. */
export const LOOK_AFTER_MS = 3000;
/** The longest that such a look takes, in ms. */
const LOOK_MS = 5000;

/**
 * Opens a client of the driver. Every connection of the project is made here, so that every session is the same, every
 * connection string means the same, and every connection that does not answer is given up.
 *
 * @param guards between those who ask and the driver; only what is asked by `unsafe` goes through them.
 * @throws {ConnectionStringError} if the URL cannot be used.
 */
export function connect<Types extends Record<string, unknown> = Record<string, never>>(
  session: Session,
  options: postgres.Options<Record<string, postgres.PostgresType>> = {},
  guards: readonly Guard[] = [],
): postgres.Sql<Types> {
  const { login, kind = 'writable', answers = new Answers(), lookAfterMs = LOOK_AFTER_MS, answerWithinMs } = session;
  const target = readTarget(session.url);
  const links = new Links({ target, login, kind });
  const client = openClient(session, target, links, options);
  const watch = new AnswerWatch({
    ...{ links, answers, lookAfterMs, answerWithinMs },
    writes: kind === 'writable',
    look: (pid, { server = target.servers[0] }) => lookAt(session, { ...target, servers: [server] }, pid),
  });
  return guard(client, [watch.guard, ...guards]) as unknown as postgres.Sql<Types>;
}

function openClient(
  { url, login, applicationName, settings }: Session,
  target: Target,
  links: Links,
  options: postgres.Options<Record<string, postgres.PostgresType>>,
): postgres.Sql {
  const [first] = target.servers;
  const client: postgres.Sql = withoutEnvironment(() =>
    postgres({
      host: first.host,
      port: first.port,
      // The links know how long each server may take, and try twice at most.
      connect_timeout: (target.connectTimeoutMs * target.servers.length * 2) / 1000 + 1,
      // The driver would ask for the array types on each new connection, and nobody could catch it if that fails:
      // https://github.com/porsager/postgres/issues/1192.
      fetch_types: false,
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
        ...SESSION_SETTINGS,
        ...settingsSince(versions.get(url)),
        ...settings,
      },
      onparameter: (name: string, value: string) => {
        if (name !== 'server_version') return;
        versions.set(url, Number.parseInt(value, 10));
        // From the next connection on.
        Object.assign(client.options.connection, settingsSince(versions.get(url)), settings);
      },
    } as postgres.Options<Record<string, postgres.PostgresType>>),
  ) as unknown as postgres.Sql;
  return client;
}

/** What a backend does, as a new connection sees it. */
async function lookAt(session: Session, target: Target, pid: number): Promise<Sight> {
  const { url, login, settings } = session;
  const role = settings?.role === undefined ? {} : { role: settings.role };
  const looks: Session = { url, login, applicationName: 'afterwrite look', settings: role };
  const client = openClient(looks, target, new Links({ target, login, kind: session.kind ?? 'writable' }), { max: 1 });
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, LOOK_MS, undefined).unref();
    });
    const asked = client<{ state: string | null; wait: string | null }[]>`
      select state, wait_event_type as wait from pg_catalog.pg_stat_activity where pid = ${pid}::int4`;
    const rows = await Promise.race([asked, late]);
    if (!rows) return 'unknown';
    const [backend] = rows;
    if (!backend) return 'idle';
    // Without the right to see it, it may be at work. What waits for this side is not.
    return backend.state === null || (backend.state === 'active' && backend.wait !== 'Client') ? 'working' : 'idle';
  } catch {
    return 'unknown';
  } finally {
    clearTimeout(timer);
    void client.end({ timeout: 0 }).catch(() => undefined);
  }
}

function settingsSince(version = 0): Record<string, string> {
  return Object.assign({}, ...NEWER_SETTINGS.filter(({ since }) => version >= since).map((each) => each.settings));
}
