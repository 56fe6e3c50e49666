import type { Cancellation } from '../../../database/driver/cancellation.ts';
import { Ending, type Signal } from '../../../database/signal.ts';

/** A statement that several operations wait for: it is cancelled when all of them have ended, and belongs to none. */
export class SharedWork implements Cancellation {
  readonly signal: Signal | undefined;
  readonly #signals = new Set<Signal>();
  readonly #ending = new Ending();

  /** @param works those that wait; undefined for one that cannot be cancelled. */
  constructor(works: Iterable<Cancellation | undefined>) {
    for (const work of works) {
      const signal = work?.signal;
      if (!signal) {
        this.#signals.clear();
        return;
      }
      this.#signals.add(signal);
    }
    if (this.#signals.size === 0) return;
    this.signal = this.#ending;
    for (const signal of this.#signals) signal.addEventListener('abort', this.#ended);
    this.#ended();
  }

  /** Stops watching the operations. */
  done(): void {
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#ended);
  }

  readonly #ended = (): void => {
    for (const signal of this.#signals) if (!signal.aborted) return;
    this.#ending.abort();
  };
}
