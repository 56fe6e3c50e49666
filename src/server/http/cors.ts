import type { IncomingMessage } from 'node:http';
import { TOKEN_HEADER } from '../../graphql/plugins/consistency.ts';
import type { Origins } from './origins.ts';
import { CORRELATION_HEADER } from './requests/request-id.ts';

/** Seconds for which a browser may cache a preflight; no browser accepts more. */
const MAX_AGE_S = 7200;

const EXPOSED = [TOKEN_HEADER, CORRELATION_HEADER, 'retry-after'].join(', ');

/**
 * Headers that let pages of the allowed origins read any answer; without them, an answer looks like a network error. Pages
 * of other origins get none, above all not the origin `null`, which a sandboxed page has.
 */
export function corsHeaders(origins: Origins, request: IncomingMessage): Record<string, string> {
  const isAllowed = origins.allows(request);
  if (!origins.any) return {};
  const { origin } = request.headers;
  const asks = request.method === 'OPTIONS';
  const vary = asks ? 'origin, access-control-request-headers' : 'origin';
  if (origin === undefined || !isAllowed) return { vary };
  const allowed = {
    vary,
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
  };
  if (!asks) return { ...allowed, 'access-control-expose-headers': EXPOSED };
  const headers = request.headers['access-control-request-headers'];
  return {
    ...allowed,
    'access-control-allow-methods': 'GET, POST',
    // The headers that a page sends make its origin neither more nor less trusted.
    ...(headers !== undefined && { 'access-control-allow-headers': headers }),
    'access-control-max-age': String(MAX_AGE_S),
  };
}
