import { problemOfParameter } from './parameters.ts';

/** The parts of a connection string, without environment and defaults. */
export interface ParsedUrl {
  /** By the names of libpq; `host`, `hostaddr` and `port` are lists separated by commas. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longest connection string, in characters. */
const LONGEST = 10_000;

/** A connection string that cannot be used. Its message never repeats a value, which may be a password. */
export class ConnectionStringError extends Error {
  /** The same code as for an invalid URL. */
  readonly code = 'ERR_INVALID_URL';
  /** The problem, to be continued after "the connection string": `has the parameter …`. */
  readonly problem: string;

  constructor(problem: string) {
    super(`it ${problem}`);
    this.name = 'ConnectionStringError';
    this.problem = problem;
  }
}

/**
 * Parses a URL as libpq documents it ("Connection URIs"): several hosts, IPv6, sockets, percent-encoding, parameters.
 * @throws {ConnectionStringError} with the parameter's name and what to write.
 */
export function parseUrl(url: string): ParsedUrl {
  const scheme = /^postgres(?:ql)?:\/\//.exec(url);
  if (!scheme || /\s/.test(url) || url.length > LONGEST) {
    throw new ConnectionStringError('must be a postgres:// or postgresql:// URL');
  }
  const [, authority = '', path, query = ''] =
    /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(url.slice(scheme[0].length)) ?? [];
  const parameters = new Map<string, string>();
  const at = authority.lastIndexOf('@');
  if (at >= 0) {
    const [, user = '', password] = /^([^:]*)(?::(.*))?$/s.exec(authority.slice(0, at)) ?? [];
    if (user !== '') parameters.set('user', decoded(user, 'user'));
    if (password) parameters.set('password', decoded(password, 'password'));
  }
  const places = authority.slice(at + 1);
  if (places !== '') {
    const all = places.split(',').map(placeOf);
    parameters.set('host', all.map(({ host }) => host).join(','));
    if (all.some(({ port }) => port !== '')) parameters.set('port', all.map(({ port }) => port).join(','));
  }
  if (path) parameters.set('dbname', decoded(path, 'name of the database'));
  for (const pair of query === '' ? [] : query.split('&')) addParameter(parameters, pair);
  return { parameters };
}

function addParameter(parameters: Map<string, string>, pair: string): void {
  const [, key = '', text] = /^([^=]*)(?:=(.*))?$/s.exec(pair) ?? [];
  const name = decoded(key, 'name of a parameter');
  if (!/^\w+$/.test(name))
    throw new ConnectionStringError('has a parameter without a name: write ?name=value&name=value');
  if (text === undefined)
    throw new ConnectionStringError(`has the parameter ${name} without a value: write ${name}=value`);
  const value = decoded(text, `parameter ${name}`);
  // libpq accepts this for JDBC URLs.
  if (name === 'ssl' && value === 'true') {
    parameters.set('sslmode', 'require');
    return;
  }
  // An empty value counts as none, as in libpq.
  if (value === '') return;
  const problem = problemOfParameter(name, value);
  if (problem !== undefined) throw new ConnectionStringError(problem);
  parameters.set(name, value);
}

/** `host`, `host:port`, `[IPv6]:port`, `%2Ffolder%2Fof%2Fa%2Fsocket`. */
function placeOf(text: string): { readonly host: string; readonly port: string } {
  const found = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(text);
  if (!found)
    throw new ConnectionStringError(
      'has a host that cannot be read: an IPv6 address stands in brackets, as in [::1]:5432',
    );
  const [, address, name = '', port = ''] = found;
  return { host: decoded(address ?? name, 'host'), port: decoded(port, 'port') };
}

function decoded(text: string, what: string): string {
  let value: string;
  try {
    value = decodeURIComponent(text);
  } catch {
    throw new ConnectionStringError(`has a ${what} with a % that begins no character: write %25 for a %`);
  }
  if (value.includes('\0'))
    throw new ConnectionStringError(`has a ${what} with the character %00, which Postgres cannot take`);
  return value;
}
