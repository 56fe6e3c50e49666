import { LRUCache } from 'lru-cache';
import { wallTime } from '../../kernel/clock/wall-clock.ts';
import type { Authenticated } from './claims.ts';

/**
 * How long a token is accepted without checking its signature again, in ms. So a token remains valid for this long
 * after its key was withdrawn, in addition to the time for which published keys are cached.
 */
const REMEMBERED_MS = 30_000;
/** Bytes of all remembered tokens; about 10,000 usual ones. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Bytes of an entry besides the text of its token. */
const ENTRY_BYTES = 300;

interface Verified {
  readonly authenticated: Authenticated;
  /** By `performance.now()`. */
  readonly at: number;
}

/**
 * Remembers the actor of a token for a short time. Clients send the same token with each request, and checking its
 * signature costs more than most reads. Only accepted tokens are remembered, and each at most until it expires.
 */
export class VerifiedTokens {
  readonly #known = new LRUCache<string, Verified>({
    maxSize: MAX_BYTES,
    sizeCalculation: (_, token) => 2 * token.length + ENTRY_BYTES,
  });

  /** The actor of a token; undefined if it must be checked. */
  find(token: string): Authenticated | undefined {
    const known = this.#known.get(token);
    if (!known) return undefined;
    const { authenticated, at } = known;
    const isExpired = authenticated.expiresAt !== undefined && authenticated.expiresAt.getTime() <= wallTime();
    if (!isExpired && performance.now() - at < REMEMBERED_MS) return authenticated;
    this.#known.delete(token);
    return undefined;
  }

  remember(token: string, authenticated: Authenticated): void {
    this.#known.set(token, { authenticated, at: performance.now() });
  }
}
