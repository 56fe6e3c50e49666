import { count } from './setting.ts';

/** Subscriptions: what they may hold in memory. */
export const liveSettings = {
  subscriptionMaxKeys: count(
    'SUBSCRIPTION_MAX_KEYS',
    1000,
    'Maximum number of row keys that one subscription may name.',
  ),
  subscriptionMaxBytes: count(
    'SUBSCRIPTION_MAX_BYTES',
    1024 * 1024,
    'Maximum memory of one subscription, in bytes: its keys, its variables and the data that waits to be sent.',
    16 * 1024,
  ),
  connectionSubscriptionBytes: count(
    'CONNECTION_SUBSCRIPTION_BYTES',
    16 * 1024 * 1024,
    'Maximum memory of all subscriptions of one connection, in bytes.',
    16 * 1024,
  ),
  actorSubscriptionBytes: count(
    'ACTOR_SUBSCRIPTION_BYTES',
    128 * 1024 * 1024,
    'Maximum memory of all subscriptions of one actor, in bytes. All callers of one address who are not signed in count as one actor.',
    16 * 1024,
    100_000_000_000,
  ),
  totalSubscriptionBytes: count(
    'TOTAL_SUBSCRIPTION_BYTES',
    512 * 1024 * 1024,
    'Maximum memory of all subscriptions together, in bytes.',
    16 * 1024,
    100_000_000_000,
  ),
  liveQueries: count(
    'LIVE_QUERIES',
    10_000,
    'Maximum number of different live queries. Subscriptions to `live` with the same document, variables and rights share one.',
  ),
  liveQueriesAtOnce: count(
    'LIVE_QUERIES_AT_ONCE',
    8,
    'Maximum number of live queries that are executed at the same time; others wait for their turn.',
  ),
};
