/** How long load counts in full, in ms. After that it fades out over the same time again. */
const WINDOW_MS = 10_000;
/** Initiators that are counted by name in one window. The load of others counts only in the total. */
const MOST = 10_000;

/**
 * The recent load of initiators on the log, as a sliding window of two halves. It is bounded in number and time, and
 * adding to it costs one lookup.
 */
export class Loads {
  readonly #now: () => number;
  #since: number;
  #present = new Map<string, number>();
  #past: ReadonlyMap<string, number> = new Map();
  #total = 0;
  #pastTotal = 0;

  /** @param now the monotonic clock, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  add(initiator: string, load: number): void {
    this.#turn();
    const known = this.#present.get(initiator);
    if (known !== undefined || this.#present.size < MOST) this.#present.set(initiator, (known ?? 0) + load);
    this.#total += load;
  }

  /** The recent load of this initiator. */
  of(initiator: string): number {
    const past = this.#turn();
    return (this.#present.get(initiator) ?? 0) + past * (this.#past.get(initiator) ?? 0);
  }

  /** The recent load of all. */
  get total(): number {
    const past = this.#turn();
    return this.#total + past * this.#pastTotal;
  }

  /**
   * Begins a new window if the last one is over.
   * @returns the weight of the previous one.
   */
  #turn(): number {
    const now = this.#now();
    const windows = (now - this.#since) / WINDOW_MS;
    if (windows < 1) return 1 - windows;
    const isRecent = windows < 2;
    this.#past = isRecent ? this.#present : new Map();
    this.#pastTotal = isRecent ? this.#total : 0;
    this.#present = new Map();
    this.#total = 0;
    this.#since = isRecent ? this.#since + WINDOW_MS : now;
    return 1 - (now - this.#since) / WINDOW_MS;
  }
}
