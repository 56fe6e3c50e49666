import { LRUCache } from 'lru-cache';

/** Callers whose usual weights are remembered. */
const MAX_CALLERS = 10_000;
/** Share of the last task in what is usual. */
const NEWEST = 1 / 4;

/**
 * Remembers how heavy the tasks of each caller were lately. How heavy a task is may be known only at its end, but most
 * callers ask for the same again and again.
 */
export class UsualWeights {
  readonly #averages = new LRUCache<string, number>({ max: MAX_CALLERS });

  /** The moving average of the caller's tasks; `otherwise` if none is known. */
  of(caller: string, otherwise = 0): number {
    return this.#averages.get(caller) ?? otherwise;
  }

  /** Records the weight of a task. */
  add(caller: string, weight: number): void {
    const usual = this.#averages.get(caller) ?? weight;
    this.#averages.set(caller, usual + (weight - usual) * NEWEST);
  }
}
