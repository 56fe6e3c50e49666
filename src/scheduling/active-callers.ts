/** A caller who has not asked for anything for this long is gone, in ms. */
const GONE_AFTER_MS = 1000;

/**
 * Knows whether a caller has the server to themselves. A caller who is alone may use all of it. As soon as somebody else
 * asks for something, large work is divided into smaller pieces, so that the others need not wait for all of it.
 */
export class ActiveCallers {
  readonly #now: () => number;
  /** The caller who asked last, and the last one before them who is somebody else. */
  #last: Seen | undefined;
  #other: Seen | undefined;

  /** @param now the monotonic clock, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Records that a caller asks for something. */
  saw(caller: string): void {
    if (this.#last?.caller === caller) {
      this.#last.at = this.#now();
      return;
    }
    this.#other = this.#last;
    this.#last = { caller, at: this.#now() };
  }

  /** True if nobody else has asked for anything within the last second. */
  isAlone(caller: string): boolean {
    const other = this.#last?.caller === caller ? this.#other : this.#last;
    return other === undefined || this.#now() - other.at >= GONE_AFTER_MS;
  }
}

interface Seen {
  readonly caller: string;
  at: number;
}
