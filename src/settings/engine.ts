import { count, onOff, setting } from './setting.ts';

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
  appendBatchBytes: count('APPEND_BATCH_BYTES', 8_388_608, 'Most bytes appended in one transaction, about.'),
  stateCacheSize: count('STATE_CACHE_SIZE', 10_000, 'Aggregates whose state is kept in memory.', 1, 10_000_000),
  projector: setting(
    'PROJECTOR',
    'Whether the server takes its share of projecting, on or off; where it is off in all of them, run `cli projector`.',
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
  throttleLagMs: count(
    'THROTTLE_LAG_MS',
    30_000,
    'Lag of a read model at which new commands are throttled, in milliseconds; 0 never throttles.',
    0,
  ),
};
