import postgres from 'postgres';

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
}

/**
 * Says nothing to Postgres, and makes the first message of a connection so long that the driver writes it at once. It would
 * wait for a write that was given up with the connection before, in vain: a connection that is lost right when something is
 * written to it would never come back.
 */
const WRITTEN_AT_ONCE = ' '.repeat(1024);

/** Opens a client of the driver. Every connection of the project is made here, so that every session is the same. */
export function connect<Types extends Record<string, unknown> = Record<string, never>>(
  session: Session,
  options: postgres.Options<Record<string, postgres.PostgresType>> = {},
): postgres.Sql<Types> {
  const { url, login, applicationName, settings } = session;
  const client = postgres(url, {
    connect_timeout: 10,
    // The driver would ask for the array types on each new connection, and nobody would catch it if that fails.
    fetch_types: false,
    onnotice: () => {},
    ...options,
    ...(login ? { username: login.user, password: login.password ?? '', database: login.database } : {}),
    connection: {
      application_name: applicationName,
      options: WRITTEN_AT_ONCE,
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
  }) as unknown as postgres.Sql<Types>;
  return client;
}

function settingsSince(version = 0): Record<string, string> {
  return Object.assign({}, ...NEWER_SETTINGS.filter(({ since }) => version >= since).map((each) => each.settings));
}
