import { GraphQLError } from 'graphql';
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

/** Errors of operations that stand for an {@link OverLimitError}: what clients get says nothing of the limit's name. */
const known = new WeakMap<GraphQLError, OverLimitError>();

/** The error of an operation. @param status of the HTTP answer, if it is one. */
export function graphqlErrorOf(error: OverLimitError, status: number | undefined): GraphQLError {
  const { code, retryAfterMs, message } = error;
  const answered = new GraphQLError(message, {
    extensions: { code, retryAfterMs, ...(status !== undefined && { http: { status } }) },
  });
  known.set(answered, error);
  return answered;
}

/** The limit that the errors of an operation are about, if any is. */
export function limitIn(errors: readonly GraphQLError[] | undefined): Limit | undefined {
  for (const error of errors ?? []) {
    const over = known.get(error);
    if (over) return over.limit;
  }
  return undefined;
}
