import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PARAMETERS, problemOfParameter, type SESSION_ATTRIBUTES, type SSL_MODES } from './parameters.ts';
import { ConnectionStringError, parseUrl } from './parse.ts';
import { passwordInFile } from './passfile.ts';

/** One of the servers of a connection string. */
export interface ServerAddress {
  /** The name that its certificate must have; if it begins with a slash, the folder of a socket. */
  readonly host: string;
  /** The address to connect to, if it differs from what `host` resolves to. */
  readonly address: string | undefined;
  readonly port: number;
  readonly password: string | undefined;
}

export interface TlsTarget {
  readonly mode: (typeof SSL_MODES)[number];
  readonly isDirect: boolean;
  /** Paths; `system` for the certificates that the system trusts. */
  readonly rootCert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly keyPassword: string | undefined;
  readonly revocationList: string | undefined;
  readonly sendsName: boolean;
  readonly oldest: string | undefined;
  readonly newest: string | undefined;
}

/** The meaning of a connection string, with environment and defaults. */
export interface Target {
  readonly servers: readonly [ServerAddress, ...ServerAddress[]];
  readonly user: string;
  readonly database: string;
  readonly applicationName: string | undefined;
  /** Command-line options for the session: `-c name=value`. */
  readonly options: string | undefined;
  /** Time for a connection to one server, in ms. */
  readonly connectTimeoutMs: number;
  /** Seconds before TCP checks whether an idle connection still exists; undefined: never. */
  readonly keepAliveS: number | undefined;
  readonly sessionAttributes: (typeof SESSION_ATTRIBUTES)[number];
  readonly isBalanced: boolean;
  readonly channelBinding: 'disable' | 'prefer' | 'require';
  /** Allowed login methods; undefined: all. */
  readonly authentication: ReadonlySet<string> | undefined;
  readonly tls: TlsTarget;
}

const DEFAULT_PORT = 5432;
const CONNECT_TIMEOUT_S = 10;
const KEEP_ALIVE_S = 60;
const MOST_SERVERS = 64;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The meaning of a Postgres URL, as libpq documents it. Missing parts are taken from libpq's environment variables.
 * @throws {ConnectionStringError} with the parameter's name and what to write.
 */
export function readTarget(url: string, environment: Environment = process.env): Target {
  const { parameters } = parseUrl(url);
  const get = (name: string): string | undefined => parameters.get(name) ?? fromEnvironment(name, environment);
  const user = get('user') ?? systemUser();
  const database = get('dbname') ?? user;
  const passfile = get('passfile') ?? join(homedir(), '.pgpass');
  const password = get('password');
  const servers = placesOf(get).map(({ host, address, port }) => ({
    ...{ host, address, port },
    password: password ?? passwordInFile(passfile, { host, port, database, user }),
  }));
  const tls = tlsOf(get);
  const channelBinding = (get('channel_binding') ?? 'prefer') as Target['channelBinding'];
  if (channelBinding === 'require' && tls.mode === 'disable') {
    throw new ConnectionStringError(
      'has channel_binding=require with sslmode=disable, but channels are bound to TLS: write sslmode=require',
    );
  }
  const timeoutS = Number(get('connect_timeout') ?? CONNECT_TIMEOUT_S);
  const keepAliveS = Number(get('keepalives_idle') ?? KEEP_ALIVE_S);
  return {
    servers: servers as [ServerAddress, ...ServerAddress[]],
    user,
    database,
    applicationName: get('application_name'),
    options: get('options'),
    // Zero means "forever" in libpq. Here everything is bounded.
    connectTimeoutMs: (timeoutS > 0 ? Math.min(timeoutS, 3600) : CONNECT_TIMEOUT_S) * 1000,
    keepAliveS: get('keepalives') === '0' ? undefined : keepAliveS > 0 ? keepAliveS : KEEP_ALIVE_S,
    sessionAttributes: (get('target_session_attrs') ?? 'any') as Target['sessionAttributes'],
    isBalanced: get('load_balance_hosts') === 'random',
    channelBinding,
    authentication: methodsOf(get('require_auth')),
    tls,
  };
}

/** What is wrong with a URL, as the rest of a sentence about it; undefined if nothing is. */
export function problemOfUrl(url: string): string | undefined {
  try {
    readTarget(url);
    return undefined;
  } catch (error) {
    if (error instanceof ConnectionStringError) return error.problem;
    throw error;
  }
}

function fromEnvironment(name: string, environment: Environment): string | undefined {
  const variable = PARAMETERS[name]?.variable;
  const value = variable === undefined ? undefined : environment[variable];
  if (!value) return undefined;
  const problem = problemOfParameter(name, value);
  if (problem !== undefined)
    throw new ConnectionStringError(`is used with ${variable} of the environment: it ${problem}`);
  return value;
}

function placesOf(get: (name: string) => string | undefined) {
  const split = (name: string) => get(name)?.split(',') ?? [];
  const [hosts, addresses, ports] = [split('host'), split('hostaddr'), split('port')];
  const count = Math.max(hosts.length, addresses.length, 1);
  if (hosts.length > 0 && addresses.length > 0 && hosts.length !== addresses.length) {
    throw new ConnectionStringError(
      `has ${hosts.length} in host and ${addresses.length} in hostaddr: give one address for each host`,
    );
  }
  if (ports.length > 1 && ports.length !== count) {
    throw new ConnectionStringError(
      `has ${ports.length} in port for ${count} in host: give one port, or one for each host`,
    );
  }
  if (count > MOST_SERVERS) throw new ConnectionStringError(`has more than ${MOST_SERVERS} in host`);
  return Array.from({ length: count }, (_, index) => ({
    host: hosts[index] || addresses[index] || 'localhost',
    address: addresses[index] || undefined,
    port: portOf((ports.length === 1 ? ports[0] : ports[index]) ?? ''),
  }));
}

function portOf(text: string): number {
  if (text === '') return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new ConnectionStringError('has the parameter port, which must be a whole number from 1 to 65535');
}

function tlsOf(get: (name: string) => string | undefined): TlsTarget {
  const rootCert = get('sslrootcert');
  const mode = (get('sslmode') ?? (rootCert === 'system' ? 'verify-full' : 'prefer')) as TlsTarget['mode'];
  if (rootCert === 'system' && mode !== 'verify-full') {
    throw new ConnectionStringError(
      `has sslrootcert=system with sslmode=${mode}, which is too weak: write sslmode=verify-full`,
    );
  }
  const isDirect = get('sslnegotiation') === 'direct';
  if (isDirect && !['require', 'verify-ca', 'verify-full'].includes(mode)) {
    throw new ConnectionStringError(
      `has sslnegotiation=direct with sslmode=${mode}, which is too weak: write sslmode=require`,
    );
  }
  if (get('sslcert') !== undefined && get('sslkey') === undefined) {
    throw new ConnectionStringError('has the parameter sslcert without sslkey: name the file of its key with sslkey');
  }
  return {
    ...{ mode, isDirect, rootCert },
    cert: get('sslcert'),
    key: get('sslkey'),
    keyPassword: get('sslpassword'),
    revocationList: get('sslcrl'),
    sendsName: get('sslsni') !== '0',
    oldest: get('ssl_min_protocol_version'),
    newest: get('ssl_max_protocol_version'),
  };
}

function methodsOf(list: string | undefined): ReadonlySet<string> | undefined {
  if (list === undefined) return undefined;
  const all = ['none', 'password', 'md5', 'scram-sha-256'];
  const named = list.split(',').map((method) => method.trim());
  return new Set(named[0]?.startsWith('!') ? all.filter((method) => !named.includes(`!${method}`)) : named);
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // The process's user is not in the system's list of users.
    return 'postgres';
  }
}
