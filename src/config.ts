import { resolve } from 'node:path';
import {
  count,
  httpUrl,
  httpUrlOr,
  namesOneServer,
  oneOf,
  onlyInDevelopment,
  onOff,
  origins,
  postgresUrl,
  type Setting,
  type SettingInfo,
  secretKey,
  setting,
  text,
} from './setting.ts';

export type { SettingInfo } from './setting.ts';

/** One or more settings are missing or wrong. The message has one line for each; secrets are never repeated in it. */
export class ConfigError extends Error {
  readonly code = 'BAD_CONFIG';
  /** The bad settings, one sentence each, beginning with the setting's name. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    // A single one reads best on the same line; several get one each.
    const [only, ...more] = problems;
    const list = more.length === 0 ? ` ${only}` : `\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
    super(`The configuration cannot be used:${list}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Why a server without authentication does not start in production. */
export const AUTH_REQUIRED = 'AUTH_JWT_SECRET or AUTH_JWKS_URL must be set where NODE_ENV is production.';

const definitions = {
  /** Address to listen on; 0.0.0.0 listens on every IPv4 interface. Default: 127.0.0.1 */
  host: setting('HOST', 'Address to listen on; 0.0.0.0 listens on every IPv4 interface.', text, {
    default: '127.0.0.1',
  }),
  /** TCP port to listen on; 0 takes any free one. Default: 4000 */
  port: count('PORT', 4000, 'TCP port to listen on; 0 takes any free one.', 0, 65_535),
  /** Kind of environment; production demands authentication and turns off what helps development. Default: development */
  nodeEnv: setting(
    'NODE_ENV',
    'Kind of environment; production demands authentication and turns off what helps development.',
    oneOf('development', 'test', 'production'),
    { default: 'development' },
  ),
  /** Least severe log entries to write, fatal to trace, or silent. Default: info */
  logLevel: setting(
    'LOG_LEVEL',
    'Least severe log entries to write, fatal to trace, or silent.',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    { default: 'info' },
  ),

  /** Postgres 15 or newer to use; unset, an embedded one is started in DATA_DIR. */
  databaseUrl: setting(
    'DATABASE_URL',
    'Postgres 15 or newer to use; unset, an embedded one is started in DATA_DIR.',
    postgresUrl,
    { secret: true },
  ),
  /** Server that queries read from, a replica of the database; unset, they read from the database itself. */
  readDatabaseUrl: setting(
    'READ_DATABASE_URL',
    'Server that queries read from, a replica of the database; unset, they read from the database itself.',
    postgresUrl.refine(namesOneServer, 'must name one server: how far a read model is differs from replica to replica'),
    { secret: true },
  ),
  /** Folder of the embedded Postgres, relative to the current folder. Default: .afterwrite */
  dataDir: setting(
    'DATA_DIR',
    'Folder of the embedded Postgres, relative to the current folder.',
    text.transform((path) => resolve(path)),
    { default: '.afterwrite' },
  ),
  /** Database connections for appending events. Default: 4 */
  writerConnections: count('WRITER_CONNECTIONS', 4, 'Database connections for appending events.', 1, 1000),
  /** Database connections for queries. Default: 10 */
  readerConnections: count('READER_CONNECTIONS', 10, 'Database connections for queries.', 1, 1000),
  /** Database connections for projecting events. Default: 4 */
  projectorConnections: count('PROJECTOR_CONNECTIONS', 4, 'Database connections for projecting events.', 1, 1000),

  /** Payment gateway to call; local is one on a free port that takes no money, as unset; in production unset is none. */
  paymentGatewayUrl: setting(
    'PAYMENT_GATEWAY_URL',
    'Payment gateway to call; local is one on a free port that takes no money, as unset; in production unset is none.',
    httpUrlOr('local'),
  ),
  /** Key with which the payment gateway is called, as a bearer token. */
  paymentGatewayKey: setting(
    'PAYMENT_GATEWAY_KEY',
    'Key with which the payment gateway is called, as a bearer token.',
    text,
    { secret: true },
  ),
  /** Time in which the payment gateway must answer one attempt of a call, in milliseconds. Default: 5000 */
  paymentTimeoutMs: count(
    'PAYMENT_TIMEOUT_MS',
    5000,
    'Time in which the payment gateway must answer one attempt of a call, in milliseconds.',
    1,
    60_000,
  ),

  /** Shared secret of HS256 tokens, at least 32 bytes; excludes AUTH_JWKS_URL. */
  authJwtSecret: setting(
    'AUTH_JWT_SECRET',
    'Shared secret of HS256 tokens, at least 32 bytes; excludes AUTH_JWKS_URL.',
    secretKey,
    { secret: true },
  ),
  /** Where the identity provider publishes the public keys of its tokens; excludes AUTH_JWT_SECRET. */
  authJwksUrl: setting(
    'AUTH_JWKS_URL',
    'Where the identity provider publishes the public keys of its tokens; excludes AUTH_JWT_SECRET.',
    httpUrl,
  ),
  /** The `iss` claim that tokens must carry; unset, it is not checked. */
  authIssuer: setting('AUTH_ISSUER', 'The `iss` claim that tokens must carry; unset, it is not checked.', text),
  /** The `aud` claim that tokens must carry; unset, it is not checked. */
  authAudience: setting('AUTH_AUDIENCE', 'The `aud` claim that tokens must carry; unset, it is not checked.', text),
  /** The claim that lists roles; dots lead into nested claims, as in realm_access.roles. Default: roles */
  authRolesClaim: setting(
    'AUTH_ROLES_CLAIM',
    'The claim that lists roles; dots lead into nested claims, as in realm_access.roles.',
    text,
    { default: 'roles' },
  ),

  /** Origins, separated by commas, whose pages may call the server from a browser; unset, none but its own. */
  corsOrigins: setting(
    'CORS_ORIGINS',
    'Origins, separated by commas, whose pages may call the server from a browser; unset, none but its own.',
    origins,
    { default: '' },
  ),
  /** Whether GraphiQL is served, on or off. Default: on, off in production */
  graphiql: setting('GRAPHIQL', 'Whether GraphiQL is served, on or off.', onOff, onlyInDevelopment),
  /** Whether clients may ask for the schema, on or off. Default: on, off in production */
  introspection: setting(
    'INTROSPECTION',
    'Whether clients may ask for the schema, on or off.',
    onOff,
    onlyInDevelopment,
  ),
  /** Whether `/metrics` is served, for Prometheus, on or off. Default: on */
  metrics: setting('METRICS', 'Whether `/metrics` is served, for Prometheus, on or off.', onOff, { default: 'on' }),
  /** Deepest nesting of fields that an operation may have. Default: 12 */
  graphqlMaxDepth: count('GRAPHQL_MAX_DEPTH', 12, 'Deepest nesting of fields that an operation may have.'),
  /** Most aliases that an operation may have. Default: 30 */
  graphqlMaxAliases: count('GRAPHQL_MAX_ALIASES', 30, 'Most aliases that an operation may have.', 0),
  /** Most lexical tokens that a GraphQL document may have. Default: 2000 */
  graphqlMaxTokens: count('GRAPHQL_MAX_TOKENS', 2000, 'Most lexical tokens that a GraphQL document may have.'),
  /** Most cost points of an operation: about one a field, more the deeper, times page sizes. Default: 50000 */
  graphqlMaxCost: count(
    'GRAPHQL_MAX_COST',
    50_000,
    'Most cost points of an operation: about one a field, more the deeper, times page sizes.',
  ),
  /** Largest body of an HTTP request, in bytes. Default: 2097152 */
  maxBodyBytes: count('MAX_BODY_BYTES', 2 * 1024 * 1024, 'Largest body of an HTTP request, in bytes.', 1024),
  /** Most subscriptions that one WebSocket connection may hold. Default: 100 */
  subscriptionsPerConnection: count(
    'SUBSCRIPTIONS_PER_CONNECTION',
    100,
    'Most subscriptions that one WebSocket connection may hold.',
  ),

  /** Commands that may wait to be appended before new ones are throttled. Default: 10000 */
  appendQueueLimit: count(
    'APPEND_QUEUE_LIMIT',
    10_000,
    'Commands that may wait to be appended before new ones are throttled.',
  ),
  /** Most events appended in one transaction. Default: 1000 */
  appendBatchLimit: count('APPEND_BATCH_LIMIT', 1000, 'Most events appended in one transaction.'),
  /** Aggregates whose state is kept in memory. Default: 10000 */
  stateCacheSize: count('STATE_CACHE_SIZE', 10_000, 'Aggregates whose state is kept in memory.', 1, 10_000_000),
  /** Whether the server takes its share of projecting, on or off; where it is off in all of them, run `cli projector`. Default: on */
  projector: setting(
    'PROJECTOR',
    'Whether the server takes its share of projecting, on or off; where it is off in all of them, run `cli projector`.',
    onOff,
    { default: 'on' },
  ),
  /** Most events that a projection takes in one transaction. Default: 2000 */
  projectionBatchLimit: count(
    'PROJECTION_BATCH_LIMIT',
    2000,
    'Most events that a projection takes in one transaction.',
    1,
    100_000,
  ),
  /** Streams of which a projection may hold events in dead letters before it stalls. Default: 1000 */
  deadLetterLimit: count(
    'DEAD_LETTER_LIMIT',
    1000,
    'Streams of which a projection may hold events in dead letters before it stalls.',
    0,
    100_000,
  ),
  /** Reads that may wait for a consistency token at the same time before new ones are throttled. Default: 10000 */
  maxWaiters: count(
    'MAX_WAITERS',
    10_000,
    'Reads that may wait for a consistency token at the same time before new ones are throttled.',
  ),
  /** Lag of a read model at which new commands are throttled, in milliseconds; 0 never throttles. Default: 30000 */
  throttleLagMs: count(
    'THROTTLE_LAG_MS',
    30_000,
    'Lag of a read model at which new commands are throttled, in milliseconds; 0 never throttles.',
    0,
  ),
  /** Time that a shutdown may take before what is left is cut off, in milliseconds. Default: 10000 */
  shutdownTimeoutMs: count(
    'SHUTDOWN_TIMEOUT_MS',
    10_000,
    'Time that a shutdown may take before what is left is cut off, in milliseconds.',
    0,
    3_600_000,
  ),
};

type Definitions = typeof definitions;

/** Every setting of the application, validated; read it once with {@link readConfig} and hand it on. */
export type Config = { readonly [K in keyof Definitions]: Definitions[K] extends Setting<infer T> ? T : never };

/** All settings in the order in which the documentation shows them. */
export const settings: readonly SettingInfo[] = Object.values(definitions).map(({ schema: _, ...info }) => info);

/**
 * Reads the settings from environment variables; an empty or blank variable counts as unset.
 * @throws {ConfigError} listing every bad setting at once.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const production = env.NODE_ENV?.trim() === 'production';
  const problems: string[] = [];
  const values = Object.entries(definitions).map(([key, { name, schema, secret, ...defaults }]) => {
    const given = env[name]?.trim() ? env[name] : undefined;
    const input = given ?? (production ? (defaults.productionDefault ?? defaults.default) : defaults.default);
    if (input === undefined) return [key, undefined];
    const result = schema.safeParse(input);
    if (result.success) return [key, result.data];
    const shown = secret ? '' : `, but is ${JSON.stringify(input)}`;
    problems.push(`${name} ${result.error.issues[0]?.message}${shown}.`);
    return [key, undefined];
  });
  const isSet = (name: string) => Boolean(env[name]?.trim());
  problems.push(...authProblems(isSet, production));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(Object.fromEntries(values)) as Config;
}

function authProblems(isSet: (name: string) => boolean, production: boolean): string[] {
  const [secret, jwks] = [isSet('AUTH_JWT_SECRET'), isSet('AUTH_JWKS_URL')];
  if (secret && jwks)
    return ['AUTH_JWT_SECRET and AUTH_JWKS_URL exclude each other: set the one that signs your tokens.'];
  if (secret || jwks) return [];
  if (production) return [AUTH_REQUIRED];
  // Whoever sets these believes that tokens are checked; starting with authentication off would prove them wrong.
  return ['AUTH_ISSUER', 'AUTH_AUDIENCE']
    .filter(isSet)
    .map((name) => `${name} checks nothing unless AUTH_JWT_SECRET or AUTH_JWKS_URL is set too.`);
}
