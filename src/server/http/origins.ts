import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { type HostSettings, isLocalName, isOpen } from './hosts.ts';

/** Decides which pages may call the server from a browser. */
export interface Origins {
  /** True if pages of any other origin may. Otherwise answers are the same for all origins. */
  readonly any: boolean;
  /** True if the page that sent the request may read the answer although it has another origin. */
  allows(request: IncomingMessage): boolean;
  /**
   * True if the page that sent the request has the server's own origin. A request without an origin does not come from
   * a page.
   */
  isOwn(request: IncomingMessage): boolean;
}

/** Pages can send any origin, so only the latest refused ones are remembered. */
const MAX_REMEMBERED = 100;

/**
 * Pages of `CORS_ORIGINS` may call the server. While authentication is off, pages of this machine may, too, because a
 * frontend's development server listens on another port.
 * @param onRefused called once for each refused origin, because a browser shows its user only a network error.
 */
export function createOrigins(settings: HostSettings, onRefused: (origin: string) => void): Origins {
  const { corsOrigins } = settings;
  const open = isOpen(settings);
  const refused = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  const isOwn = ({ headers: { origin, host } }: IncomingMessage) =>
    origin === undefined || urlOf(origin)?.host === host;
  return {
    any: open || corsOrigins.length > 0,
    isOwn,
    allows: (request) => {
      const { origin } = request.headers;
      if (origin === undefined) return false;
      if (corsOrigins.includes(origin) || (open && isLocal(origin))) return true;
      if (!isOwn(request) && !refused.has(origin)) {
        refused.set(origin, true);
        onRefused(origin);
      }
      return false;
    },
  };
}

function isLocal(origin: string): boolean {
  const url = urlOf(origin);
  return url !== undefined && /^https?:$/.test(url.protocol) && isLocalName(url.hostname);
}

function urlOf(origin: string): URL | undefined {
  return URL.parse(origin) ?? undefined;
}
