import { later } from './timers.ts';

/**
 * Resolves after a time, or as soon as `stopping` is aborted.
 * @param options.keepsProcess false if the process may end before.
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

/**
 * Lets one loop sleep until it is woken. If `wake` is called while the loop is not asleep, its next sleep ends at once.
 */
export class Sleeper {
  readonly #stopping: AbortSignal | undefined;
  #wake: (() => void) | undefined;
  #isWoken = false;

  /** @param stopping once it is aborted, every sleep ends at once. */
  constructor(stopping?: AbortSignal) {
    this.#stopping = stopping;
    stopping?.addEventListener('abort', () => this.wake(), { once: true });
  }

  /**
   * Resolves when it is woken, or after a time.
   * @param ms maximum time; no limit by default.
   * @returns true if it was woken.
   */
  sleep(ms?: number): Promise<boolean> {
    if (this.#isWoken || this.#stopping?.aborted) {
      this.#isWoken = false;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const end = (isWoken: boolean) => {
        this.#wake = undefined;
        resolve(isWoken);
      };
      const timer = ms === undefined ? undefined : later(ms, () => end(false));
      this.#wake = () => {
        timer?.cancel();
        end(true);
      };
    });
  }

  wake(): void {
    if (this.#wake) this.#wake();
    else this.#isWoken = true;
  }
}
