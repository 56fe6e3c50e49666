import { count } from './setting.ts';

/** Subscriptions: what they may hold in memory. */
export const liveSettings = {
  subscriptionMaxKeys: count('SUBSCRIPTION_MAX_KEYS', 1000, 'Most keys of rows that one subscription may name.'),
  subscriptionMaxBytes: count(
    'SUBSCRIPTION_MAX_BYTES',
    1024 * 1024,
    'Most memory that one subscription may hold, in bytes: its keys, its variables and what waits to be sent.',
    16 * 1024,
  ),
  connectionSubscriptionBytes: count(
    'CONNECTION_SUBSCRIPTION_BYTES',
    16 * 1024 * 1024,
    'Most memory that all subscriptions of one connection may hold, in bytes.',
    16 * 1024,
  ),
  actorSubscriptionBytes: count(
    'ACTOR_SUBSCRIPTION_BYTES',
    128 * 1024 * 1024,
    'Most memory that all subscriptions of one actor may hold, in bytes. All callers of one address who are not signed in count as one actor.',
    16 * 1024,
    100_000_000_000,
  ),
  totalSubscriptionBytes: count(
    'TOTAL_SUBSCRIPTION_BYTES',
    512 * 1024 * 1024,
    'Most memory that all subscriptions together may hold, in bytes.',
    16 * 1024,
    100_000_000_000,
  ),
};
