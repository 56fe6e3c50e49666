import type { IncomingMessage } from 'node:http';
import { TOKEN_HEADER } from '../../graphql/plugins/consistency.ts';
import { CORRELATION_HEADER } from './request-id.ts';

/** Seconds for which a browser need not ask again; none takes more. */
const MAX_AGE_S = 7200;

const EXPOSED = [TOKEN_HEADER, CORRELATION_HEADER, 'retry-after'].join(', ');

/**
 * What lets pages of these origins read an answer, whichever it is: one that lacks it is a network error to them. Pages
 * of other origins are told nothing, least of all the origin `null`, which is the one that a sandboxed page has.
 */
export function corsHeaders(origins: readonly string[], request: IncomingMessage): Record<string, string> {
  if (origins.length === 0) return {};
  const { origin } = request.headers;
  const asks = request.method === 'OPTIONS';
  const vary = asks ? 'origin, access-control-request-headers' : 'origin';
  if (origin === undefined || !origins.includes(origin)) return { vary };
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
    // Which headers a page sends is no reason to trust it more or less than its origin is trusted.
    ...(headers !== undefined && { 'access-control-allow-headers': headers }),
    'access-control-max-age': String(MAX_AGE_S),
  };
}
