import { withoutStack } from '../../graphql/limits/without-stack.ts';
import { type Limit, OverLimitError } from './over-limit.ts';

/** Gives back what was taken. Calling it again does nothing. */
export type Release = () => void;

const NOTHING: Release = () => {};
/** The best time to retry is unknown; others may end at any time. */
const RETRY_AFTER_MS = 1000;

/** Counts how many of something each key holds at the same time. Keys that hold nothing cost nothing. */
export class Concurrency {
  readonly #held = new Map<string, number>();
  readonly #limit: Limit;
  readonly #most: number;
  readonly #reason: string;

  /** @param most for one key; 0 sets no limit. @param reason for the caller who exceeds the limit. */
  constructor(limit: Limit, most: number, reason: string) {
    this.#limit = limit;
    this.#most = most;
    this.#reason = reason;
  }

  /** Number of keys that hold something. */
  get keys(): number {
    return this.#held.size;
  }

  /** @param key undefined is not counted. @throws {OverLimitError} if the key already holds as many as allowed. */
  take(key: string | undefined): Release {
    if (this.#most === 0 || key === undefined) return NOTHING;
    const held = this.#held.get(key) ?? 0;
    if (held >= this.#most) throw withoutStack(() => new OverLimitError(this.#limit, RETRY_AFTER_MS, this.#reason));
    this.#held.set(key, held + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#held.get(key) ?? 1) - 1;
      if (left === 0) this.#held.delete(key);
      else this.#held.set(key, left);
    };
  }
}

/** Takes all or none. @throws {OverLimitError} from the first that refuses. */
export function takeAll(...takes: readonly (() => Release)[]): Release {
  const taken: Release[] = [];
  const releaseAll = () => {
    for (const release of taken) release();
  };
  try {
    for (const take of takes) taken.push(take());
  } catch (error) {
    releaseAll();
    throw error;
  }
  return releaseAll;
}
