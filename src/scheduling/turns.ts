import { Rotation } from './rotation.ts';
import { later } from './timers.ts';

/** Maximum rest after a turn, in ms. A machine may have slept during a turn, which would make the turn look long. */
const LONGEST_REST_MS = 50;
/** After a turn shorter than this, in ms, the next one need not wait for a timer. */
const SHORT_MS = 0.5;

/**
 * Distributes turns on the event loop for work that takes milliseconds, such as parsing a large body or serialising a
 * large answer. One piece of such work is done at a time, and callers take turns. After each turn, the event loop is
 * left to other work for as long as the turn took. So large work takes at most half of the event loop, however many ask
 * for it, and a small request waits for one piece of it, not for all.
 */
export class Turns {
  readonly #waiting = new Rotation<() => void>();
  #isRunning = false;

  /**
   * Resolves when it is the caller's turn. The turn consists of everything that is computed then without awaiting
   * anything else. It should take about 2 ms, or less.
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
    // The work continues in microtasks. This runs after all of them.
    queueMicrotask(() => process.nextTick(() => this.#rest(performance.now() - began)));
  };

  #rest(ms: number): void {
    if (ms < SHORT_MS) setImmediate(this.#grant);
    else later(Math.min(LONGEST_REST_MS, ms), this.#grant);
  }
}
