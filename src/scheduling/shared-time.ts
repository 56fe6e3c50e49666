interface OfCaller {
  tasks: number;
  /** Weighted time since the caller's first task of those in progress, in ms. */
  ms: number;
  /** What {@link SharedTime} had counted for each task when `ms` was counted. */
  perTask: number;
}

/**
 * Measures how long tasks take, weighted by their caller's share of all tasks in progress: all of the time counts while
 * nobody else has any, and a tenth of it while nine others wait for the same.
 */
export class SharedTime {
  readonly #now: () => number;
  readonly #callers = new Map<string, OfCaller>();
  #tasks = 0;
  /** The time so far, divided at each moment by the number of tasks, in ms. */
  #perTask = 0;
  #countedAt = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Begins a task. @returns what {@link end} has to know of it. */
  begin(caller: string): number {
    const own = this.#count(caller);
    this.#tasks++;
    own.tasks++;
    return own.ms;
  }

  /** Ends a task of a caller. @returns its weighted time, in ms. */
  end(caller: string, begun: number): number {
    const own = this.#count(caller);
    this.#tasks--;
    if (--own.tasks === 0) this.#callers.delete(caller);
    return own.ms - begun;
  }

  #count(caller: string): OfCaller {
    const now = this.#now();
    if (this.#tasks > 0) this.#perTask += (now - this.#countedAt) / this.#tasks;
    this.#countedAt = now;
    const own = this.#callers.get(caller) ?? { tasks: 0, ms: 0, perTask: this.#perTask };
    this.#callers.set(caller, own);
    own.ms += own.tasks * (this.#perTask - own.perTask);
    own.perTask = this.#perTask;
    return own;
  }
}
