import { setTimeout as delay } from 'node:timers/promises';

/** The longest rest, in ms. */
const LONGEST_MS = 250;

/**
 * How fast a shadow is filled: at full speed where nothing else happens; where events are committed meanwhile it rests
 * after each batch for as long as the batch took, so that it takes no more than half of what there is. Unless it would
 * then never arrive: as long as it does not come nearer it does not rest.
 */
export class Pace {
  #head = 0;
  #gap = Number.POSITIVE_INFINITY;
  #since = performance.now();

  /** Call it after each batch, with where the log ends and where the shadow is. */
  async rest(head: number, position: number): Promise<void> {
    const gap = head - position;
    const isBusy = head > this.#head && this.#head > 0;
    const comesNearer = gap < this.#gap;
    const took = performance.now() - this.#since;
    this.#head = head;
    this.#gap = gap;
    if (isBusy && comesNearer && gap > 0) await delay(Math.min(LONGEST_MS, took));
    this.#since = performance.now();
  }
}
