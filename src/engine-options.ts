import type { Config } from './config.ts';
import type { EngineOptions } from './kernel/engine.ts';

/** The settings that are the engine's, as it takes them. */
export function engineOptions(config: Config) {
  return {
    queueLimit: config.appendQueueLimit,
    appendBatchLimit: config.appendBatchLimit,
    stateCacheSize: config.stateCacheSize,
    projectionBatchLimit: config.projectionBatchLimit,
    deadLetterLimit: config.deadLetterLimit,
    projector: config.projector ? 'on' : 'off',
    maxWaiters: config.maxWaiters,
    throttleLagMs: config.throttleLagMs,
  } satisfies Partial<EngineOptions>;
}
