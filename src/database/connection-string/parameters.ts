/** How a parameter of a connection string is handled. */
export type Parameter = {
  /** The environment variable that libpq reads if the string does not have it. */
  readonly variable?: string;
} & (
  | {
      readonly kind: 'supported';
      readonly values?: readonly string[];
      readonly check?: (value: string) => string | undefined;
    }
  /** Has no effect that a user would notice; `why` is for the documentation. */
  | { readonly kind: 'ignored'; readonly why: string }
  /** `sentence` says what to write instead, unless the value is one of `harmless`. */
  | { readonly kind: 'refused'; readonly sentence: string; readonly harmless?: readonly string[] }
);

const supported = (variable?: string, values?: readonly string[]): Parameter => ({
  kind: 'supported',
  ...(variable === undefined ? {} : { variable }),
  ...(values === undefined ? {} : { values }),
});
const wholeNumber = (variable?: string): Parameter => ({
  kind: 'supported',
  ...(variable === undefined ? {} : { variable }),
  check: (value) => (/^[+-]?\d{1,9}$/.test(value) ? undefined : 'must be a whole number'),
});
const ignored = (why: string): Parameter => ({ kind: 'ignored', why });
const refused = (sentence: string, harmless: readonly string[] = []): Parameter => ({
  kind: 'refused',
  sentence,
  harmless,
});

const NO_KERBEROS = 'Kerberos is not used for connections';
const NO_OAUTH = 'log in with a password or a client certificate (sslcert, sslkey) instead';
const PRISMA = 'it is a parameter of Prisma, so leave it out';
const ON_OFF = ['0', '1'] as const;
const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export const SESSION_ATTRIBUTES = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export const AUTHENTICATION_METHODS = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'oauth', 'none'] as const;

/** All parameters of libpq 18 (Postgres' documentation, "Parameter Key Words"), and some of other clients. */
export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  host: supported('PGHOST'),
  hostaddr: supported('PGHOSTADDR'),
  port: supported('PGPORT'),
  dbname: supported('PGDATABASE'),
  user: supported('PGUSER'),
  password: supported('PGPASSWORD'),
  passfile: supported('PGPASSFILE'),
  require_auth: { kind: 'supported', variable: 'PGREQUIREAUTH', check: checkMethods },
  channel_binding: supported('PGCHANNELBINDING', ['disable', 'prefer', 'require']),
  connect_timeout: wholeNumber('PGCONNECT_TIMEOUT'),
  options: supported('PGOPTIONS'),
  application_name: supported('PGAPPNAME'),
  keepalives: wholeNumber(),
  keepalives_idle: wholeNumber(),
  sslmode: supported('PGSSLMODE', SSL_MODES),
  sslnegotiation: supported('PGSSLNEGOTIATION', ['postgres', 'direct']),
  sslcert: supported('PGSSLCERT'),
  sslkey: supported('PGSSLKEY'),
  sslpassword: supported(),
  sslrootcert: supported('PGSSLROOTCERT'),
  sslcrl: supported('PGSSLCRL'),
  sslsni: supported('PGSSLSNI', ON_OFF),
  ssl_min_protocol_version: supported('PGSSLMINPROTOCOLVERSION', TLS_VERSIONS),
  ssl_max_protocol_version: supported('PGSSLMAXPROTOCOLVERSION', TLS_VERSIONS),
  target_session_attrs: supported('PGTARGETSESSIONATTRS', SESSION_ATTRIBUTES),
  load_balance_hosts: supported('PGLOADBALANCEHOSTS', ['disable', 'random']),

  fallback_application_name: ignored('connections have names of their own'),
  keepalives_interval: ignored('connections that do not answer are closed sooner than TCP would detect it'),
  keepalives_count: ignored('connections that do not answer are closed sooner than TCP would detect it'),
  tcp_user_timeout: ignored('connections that do not answer are closed sooner than TCP would detect it'),
  sslcompression: ignored('TLS connections are never compressed, as in libpq'),
  krbsrvname: ignored(NO_KERBEROS),
  gsslib: ignored(NO_KERBEROS),
  gssdelegation: ignored(NO_KERBEROS),
  uselibpqcompat: ignored('connection strings always mean what libpq documents'),

  gssencmode: refused('encryption by Kerberos is not possible: use TLS (sslmode=require) or write disable', [
    'disable',
    'prefer',
  ]),
  sslcertmode: refused('whether the server asks for a certificate is not checked: write allow or leave it out', [
    'allow',
  ]),
  sslcrldir: refused('put the revocation lists into one file and name it with sslcrl'),
  sslkeylogfile: refused('keys of TLS connections are not written to files, so leave it out'),
  requirepeer: refused('the owner of a socket cannot be seen: protect the folder of the socket, and leave it out'),
  client_encoding: refused('sessions always use UTF8, so leave it out', ['UTF8', 'utf8', 'UTF-8', 'utf-8', 'auto']),
  replication: refused('a server is no replica, so leave it out', ['false', 'off', 'no', '0']),
  service: refused('write what the service file says into the URL'),
  servicefile: refused('write what the service file says into the URL'),
  min_protocol_version: refused('version 3.0 of the protocol is spoken: write 3.0 or leave it out', ['3.0']),
  max_protocol_version: refused('version 3.0 of the protocol is spoken: write latest or leave it out', [
    '3.0',
    '3.2',
    'latest',
  ]),
  scram_client_key: refused('give the password instead'),
  scram_server_key: refused('give the password instead'),
  oauth_issuer: refused(NO_OAUTH),
  oauth_client_id: refused(NO_OAUTH),
  oauth_client_secret: refused(NO_OAUTH),
  oauth_scope: refused(NO_OAUTH),
  pgbouncer: refused(`${PRISMA}, and let the URL lead to Postgres itself`),
  schema: refused(`${PRISMA}: the tables' schemas have fixed names`),
  connection_limit: refused(`${PRISMA}, and set WRITER_CONNECTIONS, PROJECTOR_CONNECTIONS and READER_CONNECTIONS`),
  pool_timeout: refused(PRISMA),
};

/** Why a parameter cannot be used, to be continued after "the connection string"; undefined if it can. */
export function problemOfParameter(name: string, value: string): string | undefined {
  const parameter = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
  const has = `has the parameter ${name},`;
  if (!parameter) {
    return `${has} which connection strings of Postgres do not have: settings of Postgres go into options, as in options=-c%20name%3Dvalue`;
  }
  switch (parameter.kind) {
    case 'ignored':
      return undefined;
    case 'refused':
      return parameter.harmless?.includes(value) ? undefined : `${has} which cannot be used: ${parameter.sentence}`;
    default: {
      if (parameter.values && !parameter.values.includes(value))
        return `${has} which must be one of ${parameter.values.join(', ')}`;
      const problem = parameter.check?.(value);
      return problem === undefined ? undefined : `${has} which ${problem}`;
    }
  }
}

function checkMethods(value: string): string | undefined {
  const methods = value.split(',').map((method) => method.trim());
  const negative = methods.filter((method) => method.startsWith('!')).length;
  const known: readonly string[] = AUTHENTICATION_METHODS;
  const isKnown = methods.every((method) => known.includes(method.replace(/^!/, '')));
  if (isKnown && (negative === 0 || negative === methods.length)) return undefined;
  return `must be a list of ${AUTHENTICATION_METHODS.join(', ')}, either all with a ! before them or none`;
}
