/** Default of the memory of all windows together, in bytes. */
const MAX_BYTES = 160 * 2 ** 20;

/** The memory that the windows of several replays share: the more of them there are, the less each may take. */
export class WindowMemory {
  readonly #bytes: number;
  readonly #windows = new Set<object>();

  /** @param bytes approximate memory of all windows together. */
  constructor(bytes = MAX_BYTES) {
    this.#bytes = bytes;
  }

  /** The share of one window, in bytes. */
  get share(): number {
    return this.#bytes / Math.max(1, this.#windows.size);
  }

  /** A window begins to hold rows. */
  join(window: object): void {
    this.#windows.add(window);
  }

  /** A window was dropped. */
  leave(window: object): void {
    this.#windows.delete(window);
  }
}
