import type { EngineOptions } from '../kernel/engine-options.ts';
import type { Config } from './config.ts';

/** The engine's settings in the form of its options. */
export function engineOptions(config: Config) {
  return {
    queueLimit: config.appendQueueLimit,
    queueBytes: config.appendQueueBytes,
    queueLimitPerActor: config.appendQueueLimitPerActor,
    queueBytesPerActor: config.appendQueueBytesPerActor,
    appendBatchLimit: config.appendBatchLimit,
    appendBatchBytes: config.appendBatchBytes,
    commandsAtOncePerActor: config.commandsAtOncePerActor,
    commandBytesAtOncePerActor: config.commandBytesAtOncePerActor,
    stateCacheSize: config.stateCacheSize,
    stateCacheBytes: config.stateCacheBytes,
    commitFeedBytes: config.commitFeedBytes,
    logReadBytes: config.logReadBytes,
    projectionBatchLimit: config.projectionBatchLimit,
    deadLetterLimit: config.deadLetterLimit,
    keepReadModelsForMs: config.keepReadModelsFor * 3_600_000,
    projector: config.projector ? 'active' : 'off',
    rebuildsChangedFolds: config.rebuildChangedFolds,
    maxWaiters: config.maxWaiters,
    maxWaitersPerCaller: config.maxWaitersPerCaller,
    processLimits: {
      atOnce: config.processConcurrency,
      perInitiator: config.processConcurrencyPerInitiator,
      effectsAtOnce: config.effectConcurrency,
      effectsPerInitiator: config.effectConcurrencyPerInitiator,
      effectTimeoutMs: config.effectTimeoutMs,
      readAhead: config.processReadAhead,
      readAheadBytes: config.processReadAheadBytes,
      parked: config.processParkedLimit,
    },
    clockSkewLimitMs: config.clockSkewLimitMs,
    throttleLagMs: config.throttleLagMs,
    fairLagMs: config.fairLagMs,
  } satisfies Partial<EngineOptions>;
}
