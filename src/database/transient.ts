import { type Backoff, backoffMs } from '../scheduling/backoff.ts';
import { pause } from '../scheduling/sleeper.ts';
import { rootOf } from './errors.ts';

/** Codes of postgres.js and of sockets for a connection that could not be made or was lost. */
const connectionCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECTION_SILENT',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Severities of errors that end a session, or refuse to begin one. */
const endOfSession = new Set(['FATAL', 'PANIC']);

/**
 * True if the same statement may succeed later, because the statement was not the cause: a lost connection (SQLSTATE
 * class 08), a server that starts, stops or lacks resources (57P0x, 53xxx), a deadlock or serialization failure
 * (40xxx), a lock or statement timeout, or a read-only server after or before a failover (25006). So is any error that
 * ends or refuses a session: a role that may not log in at the moment (28xxx), a database that takes no connections
 * (55000), a password that is being changed.
 */
export function isTransient(error: unknown): boolean {
  const { code, severity } = rootOf(error);
  return connectionCodes.has(code) || endOfSession.has(severity) || /^(08|53|40|57P0|55P03|57014|25006)/.test(code);
}

/** Attempts of a read, over about a second: enough for a lost connection, not for a database that stays away. */
const READ_ATTEMPTS = 6;
/** A lost connection fails many reads at once. They are not sent again at the same moment. */
const READ_AGAIN: Backoff = { firstMs: 40, maxMs: 640, jitter: 0.5 };

/** Repeats a read if the connection was lost, which is always safe. */
export async function readAgain<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      if (!isTransient(error) || attempt === READ_ATTEMPTS) throw error;
      await pause(backoffMs(attempt, READ_AGAIN));
    }
  }
}
