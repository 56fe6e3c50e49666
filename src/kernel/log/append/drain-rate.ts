/** The estimate while no batch has been measured, in ms. */
const FIRST_GUESS_MS = 250;
/** Bounds of the estimates, in ms. */
const SOONEST_MS = 50;
const LATEST_MS = 10_000;
/** Weight of the newest batch in the average. */
const WEIGHT = 0.2;

/** How fast the queue is emptied, so that refused callers can be told when to try again. */
export class DrainRate {
  /** Appends per ms, smoothed. */
  #rate: number | undefined;

  /** Records that a batch of this many appends was settled in this time. */
  settled(appends: number, ms: number): void {
    const rate = appends / Math.max(ms, 0.1);
    this.#rate = this.#rate === undefined ? rate : this.#rate + WEIGHT * (rate - this.#rate);
  }

  /**
   * The estimated time until there is room, in ms.
   * @param currentMs how long the current batch has taken. It may take as long again.
   */
  retryAfterMs(depth: number, currentMs: number): number {
    const toDrain = this.#rate === undefined ? FIRST_GUESS_MS : depth / this.#rate;
    return Math.round(Math.min(LATEST_MS, Math.max(SOONEST_MS, toDrain, currentMs)));
  }
}
