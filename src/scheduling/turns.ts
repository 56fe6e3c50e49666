import { Rotation } from './rotation.ts';
import { later } from './timers.ts';

/** Longest rest after a turn, in ms: a machine that stood still during one says nothing of the work. */
const LONGEST_REST_MS = 50;
/** After a turn that was shorter, in ms, the next one need not wait for a timer. */
const SHORT_MS = 0.5;

/**
 * Turns on the event loop for work that takes milliseconds: parsing a large body, putting a large answer into words. One piece of
 * such work is done at a time, everybody who waits has a turn before anybody has a second one, and after each turn the loop is
 * left to others for as long as it took. So large work takes half of the loop at most, however many ask for it at once, and small
 * requests wait for one piece of it, not for all.
 */
export class Turns {
  readonly #waiting = new Rotation<() => void>();
  #isRunning = false;

  /**
   * Resolves when it is the caller's turn. What is computed then without waiting for anything else is the turn; it should take
   * about 2 ms, or as little as the work allows.
   */
  take(caller: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(caller, resolve);
      if (this.#isRunning) return;
      this.#isRunning = true;
      setImmediate(this.#grant);
    });
  }

  readonly #grant = (): void => {
    const next = this.#waiting.next();
    if (!next) {
      this.#isRunning = false;
      return;
    }
    const began = performance.now();
    next.thing();
    // The work goes on in microtasks. This runs after all of them.
    queueMicrotask(() => process.nextTick(() => this.#rest(performance.now() - began)));
  };

  #rest(ms: number): void {
    if (ms < SHORT_MS) setImmediate(this.#grant);
    else later(Math.min(LONGEST_REST_MS, ms), this.#grant);
  }
}
