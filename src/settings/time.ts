import { count } from './setting.ts';

/** How long things may take. */
export const timeSettings = {
  readStatementTimeoutMs: count(
    'READ_STATEMENT_TIMEOUT_MS',
    5000,
    'Longest time that a statement of a query may take in Postgres, in milliseconds.',
    50,
    3_600_000,
  ),
  eventLoopBlockMs: count(
    'EVENT_LOOP_BLOCK_MS',
    50,
    'Time for which the event loop may do one thing before the log says what it was, in milliseconds; 0 never says.',
    0,
    60_000,
  ),
  clockSkewLimitMs: count(
    'CLOCK_SKEW_LIMIT_MS',
    60_000,
    "How far this server's clock and Postgres' may be apart, and the last event in the future, before commands are refused, in milliseconds; 0 for any.",
    0,
    86_400_000,
  ),
  operationTimeoutMs: count(
    'OPERATION_TIMEOUT_MS',
    30_000,
    'Longest time that an operation, or one message of a subscription, may take, in milliseconds.',
    50,
    3_600_000,
  ),
};
