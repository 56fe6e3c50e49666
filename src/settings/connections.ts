import { count, setting } from './setting.ts';
import { addressRanges, redisUrl } from './values.ts';

/**
 * A limit for one actor or one address. It is off outside production, where all requests come from one person on one
 * machine.
 */
const limit = (name: string, inProduction: number, description: string) => ({
  ...count(name, 0, `${description} 0 sets no limit.`, 0),
  productionDefault: String(inProduction),
});

const milliseconds = (name: string, byDefault: number, description: string) =>
  count(name, byDefault, `${description} In milliseconds.`, 1, 3_600_000);

/** Connections, rates and timeouts: how much of the server one caller may use. */
export const connectionSettings = {
  trustedProxies: setting(
    'TRUSTED_PROXIES',
    'Reverse proxies whose X-Forwarded-For is believed: addresses or CIDR ranges separated by commas, or loopback, or private.',
    addressRanges,
    { default: '' },
  ),
  limitsRedisUrl: setting(
    'LIMITS_REDIS_URL',
    'Redis in which several servers count rates together, a redis:// or rediss:// URL; unset, each server counts its own.',
    redisUrl,
    { secret: true },
  ),
  requestsPerAddress: limit('REQUESTS_PER_ADDRESS', 20_000, 'Most HTTP requests of one address in ten seconds.'),
  operationsPerActor: limit(
    'OPERATIONS_PER_ACTOR',
    5000,
    'Most points that one actor may spend in ten seconds: one for each root field of a query or subscription, two for each command, and one for each 16 kB that is sent, read or answered.',
  ),
  badCredentialsPerAddress: limit(
    'BAD_CREDENTIALS_PER_ADDRESS',
    200,
    'Most refused access tokens of one address in ten seconds; beyond, no token of it is checked.',
  ),
  concurrentOperationsPerActor: limit(
    'CONCURRENT_OPERATIONS_PER_ACTOR',
    100,
    'Most queries and mutations of one actor that may be under way at once.',
  ),
  concurrentOperationsPerAddress: limit(
    'CONCURRENT_OPERATIONS_PER_ADDRESS',
    500,
    'Most queries and mutations of one address that may be under way at once.',
  ),
  subscriptionsPerActor: limit(
    'SUBSCRIPTIONS_PER_ACTOR',
    500,
    'Most subscriptions that one actor may hold, over all connections.',
  ),
  subscriptionsPerAddress: limit(
    'SUBSCRIPTIONS_PER_ADDRESS',
    5000,
    'Most subscriptions that one address may hold, over all connections.',
  ),
  eventStreamsPerAddress: limit(
    'EVENT_STREAMS_PER_ADDRESS',
    500,
    'Most streams of server-sent events that one address may hold.',
  ),
  socketsPerAddress: limit('SOCKETS_PER_ADDRESS', 500, 'Most WebSocket connections that one address may hold.'),
  connectionsPerAddress: limit(
    'CONNECTIONS_PER_ADDRESS',
    2000,
    'Most TCP connections that one address may hold; trusted proxies may hold any number.',
  ),
  slowBodiesPerAddress: limit(
    'SLOW_BODIES_PER_ADDRESS',
    50,
    'Most request bodies of one address that may take longer than a second to arrive.',
  ),
  maxConnections: count('MAX_CONNECTIONS', 20_000, 'Most TCP connections in all; more are closed at once.'),
  socketMessages: count(
    'SOCKET_MESSAGES',
    2000,
    'Most messages that one WebSocket may send in ten seconds; one more for each 16 kB of a message.',
  ),
  maxBufferedBytes: count(
    'MAX_BUFFERED_BYTES',
    16 * 1024 * 1024,
    'Most bytes that may wait in one WebSocket or event stream for a client that does not read; beyond, it is closed.',
    65_536,
  ),
  headersTimeoutMs: milliseconds('HEADERS_TIMEOUT_MS', 10_000, 'Time in which the headers of a request must arrive.'),
  requestTimeoutMs: milliseconds('REQUEST_TIMEOUT_MS', 30_000, 'Time in which a whole request must arrive.'),
  keepAliveTimeoutMs: milliseconds(
    'KEEP_ALIVE_TIMEOUT_MS',
    65_000,
    'Time for which an idle HTTP connection is kept; longer than that of a reverse proxy in front.',
  ),
  connectionInitTimeoutMs: milliseconds(
    'CONNECTION_INIT_TIMEOUT_MS',
    10_000,
    'Time in which a new WebSocket must send its connection_init.',
  ),
  stalledClientTimeoutMs: milliseconds(
    'STALLED_CLIENT_TIMEOUT_MS',
    30_000,
    'Time after which a client that takes nothing of its answer is disconnected.',
  ),
};
