import { ThrottledError } from '../errors.ts';

/** When there may be room again, in ms. */
const RETRY_AFTER_MS = 500;

/** Limits the waits of one kind, in total and for each caller. */
export class WaitLimit {
  readonly #what: string;
  readonly #limit: number;
  readonly #perCaller: number;
  readonly #callers = new Map<string, number>();
  taken = 0;

  constructor(what: string, limit: number, perCaller: number) {
    this.#what = what;
    this.#limit = limit;
    this.#perCaller = perCaller;
  }

  take(caller: string | undefined): void {
    const own = (caller !== undefined && this.#callers.get(caller)) || 0;
    if (this.taken >= this.#limit || (caller !== undefined && own >= this.#perCaller)) {
      const how =
        this.taken >= this.#limit ? `${this.#limit} ${this.#what}` : `${this.#perCaller} of your ${this.#what}`;
      throw new ThrottledError(RETRY_AFTER_MS, `${how} wait for read models to catch up already.`);
    }
    this.taken++;
    if (caller !== undefined) this.#callers.set(caller, own + 1);
  }

  giveBack(caller: string | undefined): void {
    this.taken--;
    if (caller === undefined) return;
    const left = (this.#callers.get(caller) ?? 0) - 1;
    if (left > 0) this.#callers.set(caller, left);
    else this.#callers.delete(caller);
  }
}
