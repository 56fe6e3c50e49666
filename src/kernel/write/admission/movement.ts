/** A read model that has not advanced for this long stands still, in ms. */
const STILL_MS = 2000;
/** After it stood still, a read model may take this long to catch up before it counts as having too much to do, in ms. */
const CATCH_UP_MS = 1000;

interface LastAdvance {
  readonly position: number;
  /** When it advanced last. */
  readonly at: number;
  /** Until then, it catches up with events that came while it stood still. */
  readonly catchesUpUntil: number;
}

/**
 * Tracks which read models advance. One that lags and advances has too much to do. One that lags and stands still waits
 * for something else, such as its next owner: callers who write meanwhile are not the cause. Nor are they the cause
 * while it catches up afterwards.
 */
export class Movement {
  readonly #now: () => number;
  readonly #seen = new Map<string, LastAdvance>();

  /** @param now the monotonic clock, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Records the position of a read model.
   * @returns true if it advances under its present load; false the first time.
   */
  saw(name: string, position: number): boolean {
    const now = this.#now();
    const last = this.#seen.get(name);
    if (last?.position === position) return now - last.at < STILL_MS && now >= last.catchesUpUntil;
    const wasStill = last !== undefined && Number.isFinite(last.at) && now - last.at >= STILL_MS;
    const catchesUpUntil = wasStill ? now + CATCH_UP_MS : (last?.catchesUpUntil ?? Number.NEGATIVE_INFINITY);
    this.#seen.set(name, { position, at: last ? now : Number.NEGATIVE_INFINITY, catchesUpUntil });
    return last !== undefined && now >= catchesUpUntil;
  }
}
