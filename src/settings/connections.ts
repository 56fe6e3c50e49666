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
    'Reverse proxies whose X-Forwarded-For is trusted: addresses or CIDR ranges separated by commas, or loopback, or private.',
    addressRanges,
    { default: '' },
  ),
  limitsRedisUrl: setting(
    'LIMITS_REDIS_URL',
    'Redis in which several servers count rates together, a redis:// or rediss:// URL. If unset, each server counts its own.',
    redisUrl,
    { secret: true },
  ),
  requestsPerAddress: limit(
    'REQUESTS_PER_ADDRESS',
    20_000,
    'Maximum number of HTTP requests of one address in ten seconds.',
  ),
  operationsPerActor: limit(
    'OPERATIONS_PER_ACTOR',
    5000,
    'Maximum number of points that one actor may spend in ten seconds: one for each root field of a query or subscription, two for each command, and one for each 16 kB that is sent, read, appended or answered.',
  ),
  badCredentialsPerAddress: limit(
    'BAD_CREDENTIALS_PER_ADDRESS',
    200,
    'Maximum number of refused access tokens of one address in ten seconds. If it is exceeded, no more tokens of this address are checked.',
  ),
  concurrentOperationsPerActor: limit(
    'CONCURRENT_OPERATIONS_PER_ACTOR',
    100,
    'Maximum number of concurrent queries and mutations of one actor.',
  ),
  concurrentOperationsPerAddress: limit(
    'CONCURRENT_OPERATIONS_PER_ADDRESS',
    500,
    'Maximum number of concurrent queries and mutations of one address.',
  ),
  subscriptionsPerActor: limit(
    'SUBSCRIPTIONS_PER_ACTOR',
    500,
    'Maximum number of subscriptions of one actor, over all connections.',
  ),
  subscriptionsPerAddress: limit(
    'SUBSCRIPTIONS_PER_ADDRESS',
    5000,
    'Maximum number of subscriptions of one address, over all connections.',
  ),
  eventStreamsPerAddress: limit(
    'EVENT_STREAMS_PER_ADDRESS',
    500,
    'Maximum number of streams of server-sent events of one address.',
  ),
  socketsPerAddress: limit('SOCKETS_PER_ADDRESS', 500, 'Maximum number of WebSocket connections of one address.'),
  connectionsPerAddress: limit(
    'CONNECTIONS_PER_ADDRESS',
    2000,
    'Maximum number of TCP connections of one address; trusted proxies have no limit.',
  ),
  slowBodiesPerAddress: limit(
    'SLOW_BODIES_PER_ADDRESS',
    50,
    'Maximum number of concurrent request bodies of one address that take longer than a second to arrive.',
  ),
  maxConnections: count(
    'MAX_CONNECTIONS',
    20_000,
    'Maximum number of TCP connections in total; more are closed at once.',
  ),
  socketMessages: count(
    'SOCKET_MESSAGES',
    2000,
    'Maximum number of messages that one WebSocket may send in ten seconds; each 16 kB of a message counts as one more, and one whose operation is throttled as 20.',
  ),
  maxBufferedBytes: count(
    'MAX_BUFFERED_BYTES',
    16 * 1024 * 1024,
    'Maximum size of the data that waits in one WebSocket or event stream because its client does not read, in bytes. If it is exceeded, the connection is closed.',
    65_536,
  ),
  headersTimeoutMs: milliseconds(
    'HEADERS_TIMEOUT_MS',
    10_000,
    'Time within which the headers of a request must arrive.',
  ),
  requestTimeoutMs: milliseconds('REQUEST_TIMEOUT_MS', 30_000, 'Time within which a whole request must arrive.'),
  keepAliveTimeoutMs: milliseconds(
    'KEEP_ALIVE_TIMEOUT_MS',
    65_000,
    'Time for which an idle HTTP connection is kept open. It must be longer than that of a reverse proxy in front.',
  ),
  connectionInitTimeoutMs: milliseconds(
    'CONNECTION_INIT_TIMEOUT_MS',
    10_000,
    'Time within which a new WebSocket must send its connection_init.',
  ),
  stalledClientTimeoutMs: milliseconds(
    'STALLED_CLIENT_TIMEOUT_MS',
    30_000,
    'Time after which a client that reads nothing of its answer is disconnected.',
  ),
};
