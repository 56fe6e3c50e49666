import { later } from './timers.ts';

/**
 * Resolves after a time, or as soon as it is stopped.
 * @param options.keepsProcess false: the process may end before.
 */
export function pause(
  ms: number,
  stopping?: AbortSignal,
  options: { readonly keepsProcess?: boolean } = {},
): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      stopping?.removeEventListener('abort', end);
      resolve();
    };
    const timer = later(ms, end, options);
    if (stopping?.aborted) end();
    else stopping?.addEventListener('abort', end, { once: true });
  });
}

/** Puts one loop to sleep until somebody wakes it. A call that comes while nobody sleeps ends the next sleep at once. */
export class Sleeper {
  readonly #stopping: AbortSignal | undefined;
  #wake: (() => void) | undefined;
  #isWoken = false;

  /** @param stopping from when it is aborted, no sleep takes any time. */
  constructor(stopping?: AbortSignal) {
    this.#stopping = stopping;
    stopping?.addEventListener('abort', () => this.wake(), { once: true });
  }

  /** Resolves when it is woken, or after a time. @param ms however long unless given. */
  sleep(ms?: number): Promise<void> {
    if (this.#isWoken || this.#stopping?.aborted) {
      this.#isWoken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : later(ms, () => this.#end());
      this.#wake = () => {
        timer?.cancel();
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
