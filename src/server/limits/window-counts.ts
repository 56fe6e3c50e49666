import { later, type Timer } from '../../scheduling/timers.ts';

interface KeyWindow {
  readonly endsAt: number;
  points: number;
}

/** What a key has spent in its present window. */
export interface Spent {
  readonly points: number;
  /** How long the window lasts from now, in ms. */
  readonly endsInMs: number;
}

/**
 * Points of keys, each in windows of a fixed length. A window begins when its key spends something. The number of keys is
 * bounded: new addresses cost an attacker nothing.
 */
export class WindowCounts {
  readonly #windowMs: number;
  readonly #maxKeys: number;
  /** The least recently used key is the first. */
  readonly #windows = new Map<string, KeyWindow>();
  #sweep: Timer | undefined;

  constructor(windowMs: number, maxKeys: number) {
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#windows.size;
  }

  /** Counts points of a key. @returns what it has spent with them. */
  spend(key: string, points: number): Spent {
    const now = performance.now();
    const known = this.#windows.get(key);
    const window = known && known.endsAt > now ? known : { endsAt: now + this.#windowMs, points: 0 };
    window.points += points;
    this.#windows.delete(key);
    this.#windows.set(key, window);
    if (this.#windows.size > this.#maxKeys) this.#forgetFirst();
    this.#sweep ??= later(this.#windowMs, this.#forgetEnded, { keepsProcess: false });
    return { points: window.points, endsInMs: window.endsAt - now };
  }

  /** What a key has spent; undefined if it has no window. */
  of(key: string): Spent | undefined {
    const now = performance.now();
    const window = this.#windows.get(key);
    return window && window.endsAt > now ? { points: window.points, endsInMs: window.endsAt - now } : undefined;
  }

  #forgetFirst(): void {
    for (const key of this.#windows.keys()) {
      this.#windows.delete(key);
      return;
    }
  }

  readonly #forgetEnded = (): void => {
    const now = performance.now();
    for (const [key, { endsAt }] of this.#windows) if (endsAt <= now) this.#windows.delete(key);
    this.#sweep =
      this.#windows.size > 0 ? later(this.#windowMs, this.#forgetEnded, { keepsProcess: false }) : undefined;
  };
}
