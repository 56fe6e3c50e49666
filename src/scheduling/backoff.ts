/** How the pauses between attempts grow. */
export interface Backoff {
  /** The pause after the first attempt, in ms; more than 0. */
  readonly firstMs: number;
  /** The longest pause, in ms. */
  readonly maxMs: number;
  /** Each pause is so many times as long as the one before; 2 by default, at least 1. */
  readonly factor?: number;
  /**
   * The share of each pause that is left to chance, from 0 (the default: nothing) to 1 (the whole pause). It keeps those
   * who failed at the same moment from trying again at the same moment.
   */
  readonly jitter?: number;
}

/**
 * The pause after an attempt that failed, in ms.
 * @param attempt the number of that attempt, 1 for the first.
 * @param random a number from 0 up to, not including, 1.
 */
export function backoffMs(
  attempt: number,
  { firstMs, maxMs, factor = 2, jitter = 0 }: Backoff,
  random: () => number = Math.random,
): number {
  const ms = Math.min(maxMs, firstMs * factor ** (attempt - 1));
  return jitter === 0 ? ms : ms * (1 - jitter * random());
}
