import { GraphQLError } from 'graphql';
import { withoutStack } from '../../graphql/limits/without-stack.ts';
import { ThrottledError } from '../../kernel/errors.ts';

/** A limit of one actor, one address or the whole server. The names are values of a metric's label. */
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

/** A caller exceeds one of its limits; nothing was done. The message says which limit, and when to try again. */
export class OverLimitError extends ThrottledError {
  readonly limit: Limit;

  constructor(limit: Limit, retryAfterMs: number, reason: string) {
    super(Math.max(1, Math.ceil(retryAfterMs)), reason);
    this.name = 'OverLimitError';
    this.limit = limit;
  }
}

/** Maps errors of operations to their {@link OverLimitError}: clients do not see the name of the limit. */
const known = new WeakMap<GraphQLError, OverLimitError>();

/** The error for an operation. @param status of the HTTP answer, if there is one. */
export function graphqlErrorOf(error: OverLimitError, status: number | undefined): GraphQLError {
  const { code, retryAfterMs, message } = error;
  const extensions = { code, retryAfterMs, ...(status !== undefined && { http: { status } }) };
  const answered = withoutStack(() => new GraphQLError(message, { extensions }));
  known.set(answered, error);
  return answered;
}

/** The limit that these errors are about, if any. */
export function limitIn(errors: readonly GraphQLError[] | undefined): Limit | undefined {
  for (const error of errors ?? []) {
    const over = known.get(error);
    if (over) return over.limit;
  }
  return undefined;
}
