import { Rotation } from './rotation.ts';

/**
 * Runs at most a few tasks at a time. The others wait: callers take turns, and the tasks of one caller keep their order.
 */
export class Semaphore {
  readonly #places: number;
  readonly #perCaller: number;
  readonly #waiting = new Rotation<() => unknown>();
  readonly #takenBy = new Map<string, number>();
  #taken = 0;

  /**
   * @param places how many tasks run at a time.
   * @param perCaller how many of them may be of one caller; default: all.
   */
  constructor(places: number, perCaller = places) {
    this.#places = places;
    this.#perCaller = perCaller;
  }

  /**
   * Runs a task when it is its turn.
   * @param caller who takes turns with others; tasks of nobody in particular may take all places.
   */
  async run<T>(task: () => Promise<T>, caller?: string): Promise<T> {
    await new Promise<void>((resolve) => this.acquire(caller, resolve));
    try {
      return await task();
    } finally {
      this.release(caller);
    }
  }

  /**
   * Begins a task, at once or when it is its turn. It has a place until {@link release} is called for its caller.
   * @returns what `begin` returned if it was called at once.
   */
  acquire<T>(caller: string | undefined, begin: () => T): T | undefined {
    if (this.#taken >= this.#places || !this.#mayTake(caller)) {
      this.#waiting.add(caller ?? NOBODY, begin);
      return undefined;
    }
    this.#take(caller);
    return begin();
  }

  /** Gives a place back. The next task begins in a microtask, after everything that the caller does now. */
  release(caller: string | undefined): void {
    this.#taken--;
    if (caller !== undefined) {
      const left = (this.#takenBy.get(caller) ?? 1) - 1;
      if (left === 0) this.#takenBy.delete(caller);
      else this.#takenBy.set(caller, left);
    }
    const next = this.#waiting.next((key) => this.#mayTake(callerOf(key)));
    if (!next) return;
    this.#take(callerOf(next.key));
    queueMicrotask(next.thing);
  }

  #mayTake(caller: string | undefined): boolean {
    return caller === undefined || (this.#takenBy.get(caller) ?? 0) < this.#perCaller;
  }

  #take(caller: string | undefined): void {
    this.#taken++;
    if (caller !== undefined) this.#takenBy.set(caller, (this.#takenBy.get(caller) ?? 0) + 1);
  }
}

/** The key of tasks without a caller. No caller has an empty name. */
const NOBODY = '';

function callerOf(key: string): string | undefined {
  return key === NOBODY ? undefined : key;
}
