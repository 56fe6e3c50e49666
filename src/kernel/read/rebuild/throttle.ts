import { pause } from '../../../scheduling/sleeper.ts';

/** Maximum length of a rest, in ms. */
const LONGEST_MS = 500;

/**
 * Slows a rebuild down while commands are committed: it rests after each batch for as long as the batch took, so that
 * it takes at most half of the capacity. It does not rest while it gets no closer to the end of the log, because it
 * would never arrive.
 */
export class RebuildThrottle {
  #head = 0;
  #gap = Number.POSITIVE_INFINITY;
  #since = performance.now();
  /** True while commands are committed. Then batches should be small. */
  isBusy = false;

  /**
   * Call this after each batch.
   * @param head the end of the log.
   * @param gap number of events that the shadow lacks.
   */
  async rest(head: number, gap: number): Promise<void> {
    this.isBusy = head > this.#head && this.#head > 0;
    const comesNearer = gap < this.#gap;
    const took = performance.now() - this.#since;
    this.#head = head;
    this.#gap = gap;
    if (this.isBusy && comesNearer && gap > 0) await pause(Math.min(LONGEST_MS, took));
    this.#since = performance.now();
  }
}
