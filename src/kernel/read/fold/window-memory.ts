import { later, type Timer } from '../../../scheduling/timers.ts';

/** Default of the memory of all windows together, in bytes. */
const MAX_BYTES = 64 * 2 ** 20;
/** A window that gave way needs this many times the memory that it had, because it would have grown. */
const GROWTH = 1.5;
/** How long a window gives way at most, in ms: the windows that have the memory may stand still. */
const LONGEST_WAIT_MS = 60_000;

/** A window that has given its memory to others, or stands still until another one has done so. */
interface WaitingWindow {
  /** It goes on when this much memory is free besides its own. */
  readonly bytes: number;
  /** When it goes on in any case, by `performance.now()`. */
  readonly until: number;
  readonly timer: Timer;
  readonly onRoom: () => void;
}

/**
 * The memory that the windows of several replays share. Any of them may take what the others leave. If there is none left, a window
 * that has at least its share of it gives way: it writes its rows, drops them, and goes on when the others need less. The others
 * stand still while it writes, because its memory is not free before that. If all went on with less memory each instead, they would
 * drop rows that they need again a moment later, all the time.
 */
export class WindowMemory {
  readonly #limit: number;
  /** The memory of each window, in bytes. */
  readonly #windows = new Map<object, number>();
  /** Windows that are writing their rows, to drop them then, and how long others stand still for them, by `performance.now()`. */
  readonly #leaving = new Map<object, number>();
  readonly #waiting = new Map<object, WaitingWindow>();
  #bytes = 0;

  /** @param bytes approximate memory of all windows together. */
  constructor(bytes = MAX_BYTES) {
    this.#limit = bytes;
  }

  /**
   * True if a window has to give way: the memory is used up, and the window has at least its share of it. The memory of those
   * that give way already does not count. Otherwise all would do it at once.
   */
  isExceededBy(window: object): boolean {
    const holders = [...this.#windows].filter(([holder, bytes]) => bytes > 0 && !this.#leaving.has(holder));
    const bytes = holders.reduce((sum, [, each]) => sum + each, 0);
    return bytes >= this.#limit && this.#of(window) >= this.#limit / Math.max(1, holders.length);
  }

  /** A window writes its rows, and then gives way. */
  beginToGiveWay(window: object): void {
    this.#leaving.set(window, performance.now() + LONGEST_WAIT_MS);
  }

  /** A window has rows of this size now. */
  use(window: object, bytes: number): void {
    const before = this.#of(window);
    this.#windows.set(window, bytes);
    this.#bytes += bytes - before;
    if (bytes < before) this.#tellWaiting();
  }

  /**
   * A window that has written its rows gives its memory to the others, until they leave it room again.
   * @param onRoom called when {@link hasRoom} may have become true.
   */
  giveWay(window: object, onRoom: () => void): void {
    const bytes = Math.min(this.#limit, this.#of(window) * GROWTH);
    this.leave(window);
    this.#wait(window, bytes, onRoom);
  }

  /**
   * False while a window that gave way has to wait, and while the memory is used up by windows that are giving way.
   * @param onRoom called when this may have become true.
   */
  hasRoom(window: object, onRoom: () => void): boolean {
    if (!this.#waiting.has(window) && this.#isBeingFreed) this.#wait(window, 0, onRoom);
    const waiting = this.#waiting.get(window);
    if (!waiting) return true;
    if (this.#mustWait(window, waiting)) return false;
    this.#endWait(window);
    return true;
  }

  /** A window was dropped. */
  leave(window: object): void {
    this.#endWait(window);
    this.#leaving.delete(window);
    this.use(window, 0);
    this.#windows.delete(window);
  }

  /** True if there is no memory left until a window has given way. One whose table is locked for long does not count. */
  get #isBeingFreed(): boolean {
    return this.#bytes >= this.#limit && this.#leaving.values().some((until) => performance.now() < until);
  }

  #mustWait(window: object, { bytes, until }: WaitingWindow): boolean {
    if (this.#isBeingFreed) return true;
    if (performance.now() >= until) return false;
    const others = this.#bytes - this.#of(window);
    return bytes > 0 && others > 0 && others + bytes > this.#limit;
  }

  #wait(window: object, bytes: number, onRoom: () => void): void {
    const timer = later(LONGEST_WAIT_MS, onRoom, { keepsProcess: false });
    this.#waiting.set(window, { bytes, until: performance.now() + LONGEST_WAIT_MS, timer, onRoom });
  }

  #of(window: object): number {
    return this.#windows.get(window) ?? 0;
  }

  #endWait(window: object): void {
    this.#waiting.get(window)?.timer.cancel();
    this.#waiting.delete(window);
  }

  #tellWaiting(): void {
    for (const { onRoom } of this.#waiting.values()) onRoom();
  }
}
