import { count, optionalCount, setting } from './setting.ts';
import { oneOf, text } from './values.ts';

/** The server: where it listens and how it stops. */
export const serverSettings = {
  host: setting('HOST', 'Address to listen on; 0.0.0.0 listens on every IPv4 interface.', text, {
    default: '127.0.0.1',
  }),
  port: count('PORT', 4000, 'TCP port to listen on; 0 chooses any free one.', 0, 65_535),
  opsPort: optionalCount(
    'OPS_PORT',
    'TCP port of a separate listener for `/metrics` and `/readyz`, which PORT then does not serve. If unset, PORT serves them.',
    0,
    65_535,
  ),
  opsHost: setting('OPS_HOST', 'Address that OPS_PORT listens on. If unset, HOST.', text),
  nodeEnv: setting(
    'NODE_ENV',
    'Kind of environment. Production requires authentication and turns off aids for development.',
    oneOf('development', 'test', 'production'),
    { default: 'development' },
  ),
  logLevel: setting(
    'LOG_LEVEL',
    'The least severe level that is logged, from fatal to trace, or silent.',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    { default: 'info' },
  ),
  shutdownTimeoutMs: count(
    'SHUTDOWN_TIMEOUT_MS',
    10_000,
    'Time limit of a shutdown, in milliseconds. After that, remaining work is cut off.',
    0,
    3_600_000,
  ),
};
