import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { withoutStack } from '../../graphql/limits/without-stack.ts';
import { type Limit, OverLimitError } from './over-limit.ts';
import type { SharedCounts } from './shared-counts.ts';
import { WindowCounts } from './window-counts.ts';

/**
 * Seconds over which rates are counted. A limit is a burst that may come at once and is available again after this
 * time.
 */
const WINDOW_S = 10;
/** Keys that are counted in memory, about 200 bytes each. Beyond that the least recently used one is forgotten. */
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
  readonly #memory: WindowCounts | undefined;
  readonly #redis: RateLimiterRedis | undefined;

  constructor(options: RateOptions) {
    this.#options = options;
    const { points, limit, shared } = options;
    if (points === 0) return;
    this.#memory = new WindowCounts(WINDOW_S * 1000, MAX_KEYS);
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

  /** Keys that are counted in memory now. */
  get keys(): number {
    return this.#memory?.size ?? 0;
  }

  /**
   * @returns undefined if it is counted at once, as without Redis.
   * @throws {OverLimitError} if the key has spent more than its limit; or the promise rejects with it.
   */
  spend(key: string, points = 1): Promise<void> | undefined {
    if (!this.#memory || points <= 0) return undefined;
    // An operation that costs more than the whole limit can still run, alone.
    const spent = Math.min(points, this.#options.points);
    const { shared } = this.#options;
    if (this.#redis && shared?.isAvailable) return this.#spendThere(this.#redis, this.#memory, key, spent);
    return this.#spendHere(this.#memory, key, spent);
  }

  /**
   * Refuses a key that has fewer points left than this. Spends none. Checks this process only.
   * @throws {OverLimitError}
   */
  check(key: string, points = 1): void {
    const found = this.#memory?.of(key);
    if (found && found.points + points > this.#options.points) throw this.#over(found.endsInMs);
  }

  #spendHere(memory: WindowCounts, key: string, points: number): undefined {
    const spent = memory.spend(key, points);
    if (spent.points > this.#options.points) throw this.#over(spent.endsInMs);
  }

  async #spendThere(redis: RateLimiterRedis, memory: WindowCounts, key: string, points: number): Promise<void> {
    try {
      await redis.consume(key, points);
    } catch (error) {
      if (error instanceof RateLimiterRes) throw this.#over(error.msBeforeNext);
      this.#options.shared?.failed(error);
      this.#spendHere(memory, key, points);
    }
  }

  #over(msBeforeNext: number): OverLimitError {
    // Redis uses its machine's clock, which may be changed; windows end by a timer.
    const { limit, reason } = this.#options;
    return withoutStack(() => new OverLimitError(limit, Math.min(msBeforeNext, WINDOW_S * 1000), reason));
  }
}
