import { Rotation } from './rotation.ts';

/** Runs a few tasks at a time. Others wait; callers take turns, so that one with many tasks does not delay the rest. */
export class FairQueue {
  readonly #waiting = new Rotation<() => void>();
  readonly #atOnce: number;
  #running = 0;

  /** @param atOnce maximum number of tasks that run at the same time. */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Runs a task when it is the caller's turn, and resolves or rejects as the task does. */
  async run<T>(caller: string, task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.add(caller, resolve));
    try {
      return await task();
    } finally {
      // The place passes on to the next task, if there is one.
      const next = this.#waiting.next();
      if (next) next.thing();
      else this.#running--;
    }
  }
}
