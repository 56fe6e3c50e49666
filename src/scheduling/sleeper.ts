import { setTimeout as delay } from 'node:timers/promises';

/** Waits until a time has passed or it is stopped. */
export function pause(ms: number, stopping: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal: stopping }).catch(() => undefined);
}

/** Puts one loop to sleep until somebody wakes it. A call that comes while nobody sleeps ends the next sleep at once. */
export class Sleeper {
  #wake: (() => void) | undefined;
  #isWoken = false;

  /** Resolves when it is woken, or after a time. @param ms however long unless given. */
  sleep(ms?: number): Promise<void> {
    if (this.#isWoken) {
      this.#isWoken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.#end(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  wake(): void {
    if (this.#wake) this.#end();
    else this.#isWoken = true;
  }

  #end(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** @returns a function that joins the call in progress instead of making a second one. */
export function singleFlight(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
