import { newId } from '../../../kernel/log/new-id.ts';

/** The same header in requests and answers. */
export const CORRELATION_HEADER = 'x-correlation-id';

/** The correlation id of everything that a request causes; the client may send its own in `x-correlation-id`. */
export function correlationIdFrom(header: string | null | undefined): string {
  // It goes into logs and events, so only ordinary ids are accepted.
  return header && /^[\w.:@/-]{1,128}$/.test(header) ? header : newId();
}

/** The W3C trace context of a request, if it is well-formed. */
export function traceparentFrom(header: string | null | undefined): string | undefined {
  return header && /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/.test(header) ? header : undefined;
}
