import { count } from './setting.ts';

/** How long things may take. */
export const timeSettings = {
  readStatementTimeoutMs: count(
    'READ_STATEMENT_TIMEOUT_MS',
    5000,
    "Time limit of a query's statement in Postgres, in milliseconds.",
    50,
    3_600_000,
  ),
  eventLoopBlockMs: count(
    'EVENT_LOOP_BLOCK_MS',
    50,
    'If one thing blocks the event loop for longer than this, it is logged, in milliseconds; 0 never logs it.',
    0,
    60_000,
  ),
  clockSkewLimitMs: count(
    'CLOCK_SKEW_LIMIT_MS',
    60_000,
    "Maximum difference between this server's clock and that of Postgres, and maximum distance of the last event in the future, in milliseconds. If one is exceeded, commands are refused; 0 sets no limit.",
    0,
    86_400_000,
  ),
  operationTimeoutMs: count(
    'OPERATION_TIMEOUT_MS',
    30_000,
    'Time limit of an operation, and of one message of a subscription, in milliseconds.',
    50,
    3_600_000,
  ),
};
