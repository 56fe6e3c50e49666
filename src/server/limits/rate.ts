import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { withoutStack } from '../../graphql/limits/without-stack.ts';
import { type Limit, OverLimitError } from './over-limit.ts';
import type { SharedCounts } from './shared-counts.ts';

/**
 * Seconds over which rates are counted. A limit is a burst that may come at once and is available again after this
 * time.
 */
const WINDOW_S = 10;
/** Keys that are counted in memory, about 300 bytes each. Beyond that the least recently used one is forgotten. */
const MAX_KEYS = 50_000;

export interface RateOptions {
  readonly limit: Limit;
  /** Most points of one key in ten seconds; 0 sets no limit. */
  readonly points: number;
  /** The sentence that tells callers why they are refused. */
  readonly reason: string;
  readonly shared?: SharedCounts | undefined;
}

/** Counts what each key has spent recently: in Redis if there is one that answers, otherwise in this process. */
export class Rate {
  readonly #options: RateOptions;
  readonly #memory: BoundedMemory | undefined;
  readonly #redis: RateLimiterRedis | undefined;

  constructor(options: RateOptions) {
    this.#options = options;
    const { points, limit, shared } = options;
    if (points === 0) return;
    this.#memory = new BoundedMemory(points);
    this.#redis =
      shared &&
      new RateLimiterRedis({
        storeClient: shared.client,
        keyPrefix: `afterwrite:${limit}`,
        points,
        duration: WINDOW_S,
        rejectIfRedisNotReady: true,
        // A key that exceeds its limit costs Redis nothing until its window ends.
        inMemoryBlockOnConsumed: points + 1,
      });
  }

  /** @throws {OverLimitError} if the key has spent more than its limit. */
  async spend(key: string, points = 1): Promise<void> {
    if (!this.#memory || points <= 0) return;
    // An operation that costs more than the whole limit can still run, alone.
    const spent = Math.min(points, this.#options.points);
    try {
      await this.#consume(this.#memory, key, spent);
    } catch (error) {
      throw error instanceof RateLimiterRes ? this.#over(error.msBeforeNext) : error;
    }
  }

  /**
   * Refuses a key that has fewer points left than this. Spends none. Checks this process only.
   * @throws {OverLimitError}
   */
  async check(key: string, points = 1): Promise<void> {
    const found = await this.#memory?.get(key);
    if (found && found.consumedPoints + points > this.#options.points) throw this.#over(found.msBeforeNext);
  }

  async #consume(memory: BoundedMemory, key: string, points: number): Promise<void> {
    const { shared } = this.#options;
    if (this.#redis && shared?.isAvailable) {
      try {
        await this.#redis.consume(key, points);
        return;
      } catch (error) {
        if (error instanceof RateLimiterRes) throw error;
        shared.failed(error);
      }
    }
    await memory.consume(key, points);
  }

  #over(msBeforeNext: number): OverLimitError {
    // The library uses this machine's clock, which may be changed; windows end by a timer.
    const { limit, reason } = this.#options;
    return withoutStack(() => new OverLimitError(limit, Math.min(msBeforeNext, WINDOW_S * 1000), reason));
  }
}

/** Counts in memory, for a bounded number of keys: new addresses cost an attacker nothing. */
class BoundedMemory extends RateLimiterMemory {
  readonly #keys = new LRUCache<string, true>({
    max: MAX_KEYS,
    dispose: (_, key, reason) => {
      if (reason === 'evict') void this.delete(key);
    },
  });

  constructor(points: number) {
    super({ points, duration: WINDOW_S });
  }

  override consume(key: string, points?: number): Promise<RateLimiterRes> {
    this.#keys.set(key, true);
    return super.consume(key, points);
  }
}
