/** A read model that has not advanced for this long stands still, in ms. */
const STILL_MS = 2000;

/**
 * Tracks which read models advance. One that lags and advances has too much to do; one that lags and stands still waits
 * for something else, such as its next owner, and whoever writes meanwhile is not the cause.
 */
export class Movement {
  readonly #now: () => number;
  readonly #last = new Map<string, { readonly position: number; readonly at: number }>();

  /** @param now the monotonic clock, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Records the position of a read model. @returns whether it has advanced recently; false the first time. */
  saw(name: string, position: number): boolean {
    const last = this.#last.get(name);
    const now = this.#now();
    if (!last) this.#last.set(name, { position, at: Number.NEGATIVE_INFINITY });
    else if (last.position !== position) this.#last.set(name, { position, at: now });
    return now - (this.#last.get(name)?.at ?? Number.NEGATIVE_INFINITY) < STILL_MS;
  }
}
