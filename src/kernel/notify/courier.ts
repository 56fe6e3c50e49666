import { later } from '../../scheduling/timers.ts';
import type { EngineObserver } from '../observe/occurrences.ts';

/** Duration of a slice of work, in ms. Other work gets a turn on the event loop after each slice. */
const SLICE_MS = 5;
/** Number of visits of one errand before the next errand gets its turn. */
const TURN = 16;
/** Maximum number of visits in a slice, however fast the last ones were. */
const MAX_VISITS = 500;
/** Work that is done without a pause after a quiet time, in ms. It lets a single change be announced at full speed. */
const BURST_MS = 1000;
/** Share of the event loop that is used while there is always something to do. */
const SHARE = 0.2;

interface Errand {
  /** Makes one more visit. False if there was none left. */
  readonly visitNext: () => boolean;
  readonly done: () => void;
}

/**
 * Notifies many subscribers without blocking the event loop. It visits some of them, lets other work run, and
 * continues. After a second of work it uses a fifth of the event loop. Concurrent errands take turns.
 */
export class Courier {
  readonly #observer: EngineObserver;
  readonly #errands: Errand[] = [];
  #isRunning = false;
  /** Time that may be used before the next pause, in ms. */
  #credit = BURST_MS;
  #creditedAt = performance.now();
  /** Recent duration of a visit in ms, including everything that follows from it at once. */
  #visitMs = 0.1;

  /** @param observer told if a visit throws; the other visits are still made. */
  constructor(observer: EngineObserver) {
    this.#observer = observer;
  }

  /**
   * Calls `visit` for each item, the first ones at once if no other errand is in progress. Resolves after the last one.
   */
  each<T>(items: Iterable<T>, visit: (item: T) => void): Promise<void> {
    const iterator = items[Symbol.iterator]();
    const visitNext = () => {
      const { value, done } = iterator.next();
      if (done) return false;
      try {
        visit(value);
      } catch (error) {
        this.#observer.tell('updateDelayed', { error, context: {} });
      }
      return true;
    };
    return new Promise((resolve) => {
      this.#errands.push({ visitNext, done: resolve });
      if (this.#isRunning) return;
      this.#isRunning = true;
      this.#work();
    });
  }

  readonly #work = (): void => {
    const began = performance.now();
    const most = Math.min(MAX_VISITS, Math.max(1, Math.round(SLICE_MS / this.#visitMs)));
    let left = most;
    for (let errand = this.#errands.shift(); errand; errand = this.#errands.shift()) {
      const before = left;
      while (left > 0 && before - left < TURN && errand.visitNext()) left--;
      if (left > 0 && before - left < TURN) errand.done();
      else this.#errands.push(errand);
      if (left === 0) break;
    }
    // A notified subscriber continues in microtasks. This runs after all of them.
    queueMicrotask(() => process.nextTick(() => this.#rest(performance.now() - began, most - left)));
  };

  #rest(ms: number, visits: number): void {
    if (visits > 0) this.#visitMs = Math.max(0.001, 0.8 * this.#visitMs + 0.2 * (ms / visits));
    const now = performance.now();
    this.#credit = Math.min(BURST_MS, this.#credit + SHARE * (now - this.#creditedAt)) - ms;
    this.#creditedAt = now;
    if (this.#errands.length === 0) this.#isRunning = false;
    else if (this.#credit > 0) setImmediate(this.#work);
    else later(-this.#credit / SHARE, this.#work);
  }
}
