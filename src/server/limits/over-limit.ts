import { ThrottledError } from '../../kernel/errors.ts';

/** A limit of one actor, one address or the whole server. Names are the values of a label in the metrics. */
export type Limit =
  | 'address_requests'
  | 'address_operations'
  | 'address_subscriptions'
  | 'address_event_streams'
  | 'address_sockets'
  | 'address_connections'
  | 'address_slow_bodies'
  | 'address_bad_credentials'
  | 'actor_points'
  | 'actor_operations'
  | 'actor_subscriptions'
  | 'all_connections'
  | 'socket_messages'
  | 'buffered_bytes'
  | 'stalled_client';

/** A caller is over one of its limits; nothing was done. The message says which limit and when to try again. */
export class OverLimitError extends ThrottledError {
  readonly limit: Limit;

  constructor(limit: Limit, retryAfterMs: number, reason: string) {
    super(Math.max(1, Math.ceil(retryAfterMs)), reason);
    this.name = 'OverLimitError';
    this.limit = limit;
  }
}
