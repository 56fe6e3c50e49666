import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { ConfigError } from '../../settings/config.ts';

/** How long Redis may take to count, in ms: every request waits for it. */
const ANSWER_WITHIN_MS = 250;
const CONNECT_WITHIN_MS = 2000;
/** How long Redis is left alone after a failure, in ms. */
const PAUSE_MS = 5000;
const MAX_RECONNECT_DELAY_MS = 5000;
/** Minimum time between two log lines about Redis being away, in ms. */
const QUIET_MS = 60_000;

/**
 * The Redis in which several servers count together. Limits never depend on it: while it is away each server counts for
 * itself, and the log says so once each time.
 */
export interface SharedCounts {
  readonly client: Redis;
  /** False for a while after Redis has failed. */
  readonly isAvailable: boolean;
  failed(error: unknown): void;
  close(): void;
}

/** Connects in the background. @throws {ConfigError} if the package `ioredis` is not installed. */
export async function openSharedCounts(url: string, logger: Logger): Promise<SharedCounts> {
  const { Redis } = await import('ioredis').catch(() => {
    throw new ConfigError(['LIMITS_REDIS_URL needs the package ioredis: run npm install ioredis.']);
  });
  let failedAt = Number.NEGATIVE_INFINITY;
  let saidAt = Number.NEGATIVE_INFINITY;
  const client = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_WITHIN_MS,
    commandTimeout: ANSWER_WITHIN_MS,
    retryStrategy: (attempt) => Math.min(attempt * 200, MAX_RECONNECT_DELAY_MS),
  });
  const failed = (err: unknown) => {
    failedAt = performance.now();
    if (failedAt - saidAt < QUIET_MS) return;
    saidAt = failedAt;
    logger.warn({ err }, 'the Redis of LIMITS_REDIS_URL does not answer: this server counts its own rates meanwhile');
  };
  client.on('error', failed);
  client.on('ready', () => {
    failedAt = Number.NEGATIVE_INFINITY;
    saidAt = Number.NEGATIVE_INFINITY;
    logger.info('rates are counted in the Redis of LIMITS_REDIS_URL');
  });
  return {
    client,
    get isAvailable() {
      return client.status === 'ready' && performance.now() - failedAt >= PAUSE_MS;
    },
    failed,
    close: () => client.disconnect(),
  };
}
