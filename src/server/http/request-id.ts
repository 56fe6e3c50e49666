import { newId } from '../../kernel/log/new-id.ts';

/** In requests and answers alike. */
export const CORRELATION_HEADER = 'x-correlation-id';

/** One for everything that a request sets off; the client may bring its own in `x-correlation-id`. */
export function correlationIdFrom(header: string | null | undefined): string {
  // It goes into logs and events: what is not an ordinary id is not taken over.
  return header && /^[\w.:@/-]{1,128}$/.test(header) ? header : newId();
}

/** The W3C trace context of a request, where it is well-formed. */
export function traceparentFrom(header: string | null | undefined): string | undefined {
  return header && /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/.test(header) ? header : undefined;
}
