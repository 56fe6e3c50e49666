import type { Redis } from 'ioredis';
import { ConfigError } from '../../settings/config.ts';
import type { ServerObserver } from '../operations/occurrences.ts';

/** How long Redis may take to count, in ms: every request waits for it. */
const ANSWER_WITHIN_MS = 250;
const CONNECT_WITHIN_MS = 2000;
/** How long Redis is left alone after a failure, in ms. */
const PAUSE_MS = 5000;
const MAX_RECONNECT_DELAY_MS = 5000;
/** Minimum time between two reports that Redis is away, in ms. */
const QUIET_MS = 60_000;

/**
 * The Redis in which several servers count together. Limits never depend on it: while it is away each server counts for
 * itself, which is reported once each time.
 */
export interface SharedCounts {
  readonly client: Redis;
  /** False for a while after Redis has failed. */
  readonly isAvailable: boolean;
  failed(error: unknown): void;
  close(): void;
}

/** Connects in the background. @throws {ConfigError} if the package `ioredis` is not installed. */
export async function openSharedCounts(url: string, observer: Pick<ServerObserver, 'tell'>): Promise<SharedCounts> {
  const { Redis } = await import('ioredis').catch(() => {
    throw new ConfigError(['LIMITS_REDIS_URL needs the package ioredis: run npm install ioredis.']);
  });
  let failedAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  const client = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_WITHIN_MS,
    commandTimeout: ANSWER_WITHIN_MS,
    retryStrategy: (attempt) => Math.min(attempt * 200, MAX_RECONNECT_DELAY_MS),
  });
  const failed = (error: unknown) => {
    failedAt = performance.now();
    if (failedAt - toldAt < QUIET_MS) return;
    toldAt = failedAt;
    observer.tell('sharedCountsLost', { error });
  };
  client.on('error', failed);
  client.on('ready', () => {
    failedAt = Number.NEGATIVE_INFINITY;
    toldAt = Number.NEGATIVE_INFINITY;
    observer.tell('sharedCountsFound', undefined);
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
