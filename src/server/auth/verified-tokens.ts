import { LRUCache } from 'lru-cache';
import { wallTime } from '../../kernel/clock/wall-clock.ts';
import type { Authenticated } from './claims.ts';

/**
 * How long a token is taken without a new check of its signature, in ms. So long a token is still taken after its key was
 * withdrawn, besides the time for which published keys are kept.
 */
const REMEMBERED_MS = 30_000;
/** Bytes that remembered tokens may take together; some 10,000 usual ones. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Bytes of an entry besides the text of its token. */
const ENTRY_BYTES = 300;

interface Verified {
  readonly authenticated: Authenticated;
  /** By `performance.now()`. */
  readonly at: number;
}

/**
 * Remembers whose token it is for a short time. Clients send the same token with each request, and checking its signature costs
 * more than most reads. Only tokens that were accepted are remembered, and each until it expires.
 */
export class VerifiedTokens {
  readonly #known = new LRUCache<string, Verified>({
    maxSize: MAX_BYTES,
    sizeCalculation: (_, token) => 2 * token.length + ENTRY_BYTES,
  });

  /** Whose token it is; undefined if that has to be checked. */
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
