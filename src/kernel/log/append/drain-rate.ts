/** When nothing is known yet, in ms. */
const FIRST_GUESS_MS = 250;
/** Answers lie in between, in ms. */
const SOONEST_MS = 50;
const LATEST_MS = 10_000;
/** What the newest batch counts for. */
const WEIGHT = 0.2;

/** How fast the queue is emptied, for those who are to come again. */
export class DrainRate {
  /** Appends a millisecond, smoothed. */
  #rate: number | undefined;

  /** A batch of so many was settled in so many ms. */
  settled(appends: number, ms: number): void {
    const rate = appends / Math.max(ms, 0.1);
    this.#rate = this.#rate === undefined ? rate : this.#rate + WEIGHT * (rate - this.#rate);
  }

  /**
   * When there is likely to be room, in ms.
   * @param currentMs how long the current batch has taken. It may take as long again.
   */
  retryAfterMs(depth: number, currentMs: number): number {
    const toDrain = this.#rate === undefined ? FIRST_GUESS_MS : depth / this.#rate;
    return Math.round(Math.min(LATEST_MS, Math.max(SOONEST_MS, toDrain, currentMs)));
  }
}
