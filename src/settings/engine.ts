import { count, optionalCount, setting } from './setting.ts';
import { onOff } from './values.ts';

/** The engine: its queues, caches and batches. */
export const engineSettings = {
  appendQueueLimit: count(
    'APPEND_QUEUE_LIMIT',
    10_000,
    'Commands that may wait to be appended before new ones are throttled.',
  ),
  appendQueueBytes: count(
    'APPEND_QUEUE_BYTES',
    67_108_864,
    'Bytes in memory of the commands that wait to be appended, about, before new ones are throttled.',
  ),
  appendQueueLimitPerActor: count(
    'APPEND_QUEUE_LIMIT_PER_ACTOR',
    2500,
    'Commands of one actor that may wait to be appended before new ones of that actor are throttled.',
  ),
  appendQueueBytesPerActor: count('APPEND_QUEUE_BYTES_PER_ACTOR', 16_777_216, 'Bytes of those in memory, about.'),
  appendBatchLimit: count('APPEND_BATCH_LIMIT', 1000, 'Most events appended in one transaction.'),
  appendBatchBytes: count('APPEND_BATCH_BYTES', 2_097_152, 'Most bytes appended in one transaction, about.'),
  stateCacheSize: count('STATE_CACHE_SIZE', 10_000, 'Aggregates whose state is kept in memory.', 1, 10_000_000),
  stateCacheBytes: optionalCount(
    'STATE_CACHE_BYTES',
    'Bytes of those in memory, about; unless set an eighth of the heap that Node may take, at most 268435456.',
    1,
    1_000_000_000_000,
  ),
  commitFeedBytes: count(
    'COMMIT_FEED_BYTES',
    33_554_432,
    'Bytes of the newest events that are kept in memory for read models and processes, about.',
  ),
  logReadBytes: count('LOG_READ_BYTES', 4_194_304, 'Bytes of the events that are read from the log together, as JSON.'),
  projector: setting(
    'PROJECTOR',
    'Whether the server takes its share of projecting, on or off; if it is off in all of them, run `cli projector`.',
    onOff,
    { default: 'on' },
  ),
  projectionBatchLimit: count(
    'PROJECTION_BATCH_LIMIT',
    2000,
    'Most events that a projection takes in one transaction.',
    1,
    100_000,
  ),
  deadLetterLimit: count(
    'DEAD_LETTER_LIMIT',
    1000,
    'Streams of which a projection may hold events in dead letters before it stalls.',
    0,
    100_000,
  ),
  maxWaiters: count(
    'MAX_WAITERS',
    10_000,
    'Reads that may wait for a consistency token at the same time before new ones are throttled.',
  ),
  maxWaitersPerCaller: count(
    'MAX_WAITERS_PER_CALLER',
    2500,
    'Of those, reads of one actor, or of one address without an access token.',
  ),
  processConcurrency: count(
    'PROCESS_CONCURRENCY',
    256,
    'Steps of one kind of processes that are done at the same time.',
    1,
    10_000,
  ),
  processConcurrencyPerInitiator: count(
    'PROCESS_CONCURRENCY_PER_INITIATOR',
    64,
    'Of those, steps on behalf of one actor; what else they have set off waits, and others overtake it.',
    1,
    10_000,
  ),
  effectConcurrency: count('EFFECT_CONCURRENCY', 128, 'Calls of one effect that are made at the same time.', 1, 10_000),
  effectConcurrencyPerInitiator: count(
    'EFFECT_CONCURRENCY_PER_INITIATOR',
    8,
    'Of those, calls on behalf of one actor.',
    1,
    10_000,
  ),
  effectTimeoutMs: count(
    'EFFECT_TIMEOUT_MS',
    30_000,
    'How long a call to the outside may take before it is given up and made again later, in milliseconds.',
    1,
    3_600_000,
  ),
  processReadAhead: count(
    'PROCESS_READ_AHEAD',
    50_000,
    'Events that a kind of processes or an effect reads ahead of the oldest one that is not done; of one initiator at most a quarter as many count, and twice as many are read in all.',
    100,
    10_000_000,
  ),
  processReadAheadBytes: count(
    'PROCESS_READ_AHEAD_BYTES',
    16 * 1024 * 1024,
    'Bytes of those events that are kept in memory; the others are read again when their turn comes.',
    0,
    1024 ** 4,
  ),
  processParkedLimit: count(
    'PROCESS_PARKED_LIMIT',
    100_000,
    'Steps or calls of one kind that may be parked because they cannot go on; with more, the kind stands still.',
    0,
    100_000_000,
  ),
  fairLagMs: count(
    'FAIR_LAG_MS',
    2000,
    'Lag of a read model at which the actors who cause most of it are throttled, in milliseconds; 0 throttles nobody first.',
    0,
  ),
  throttleLagMs: count(
    'THROTTLE_LAG_MS',
    30_000,
    'Lag of a read model at which new commands are throttled, in milliseconds; 0 never throttles.',
    0,
  ),
};
