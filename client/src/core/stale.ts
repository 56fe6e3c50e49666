import type { Answer, Operation } from './answer.ts';
import { Listeners } from './listeners.ts';
import { keepNewest } from './newest.ts';

/** An operation whose newest answer lacks events, or no longer does. */
export interface StaleChange extends Operation {
  readonly stale: boolean;
}

/** How many stale operations are remembered. */
const MOST = 200;

/** Tells when what is shown is stale, and when it is fresh again. */
export class Stale {
  readonly #operations = new Set<string>();
  readonly listeners = new Listeners<StaleChange>();

  note(operation: Operation, answer: Answer): void {
    const stale = answer.extensions?.consistency?.stale === true;
    // The usual case.
    if (!stale && this.#operations.size === 0) return;
    const key = JSON.stringify(operation);
    const wasStale = this.#operations.delete(key);
    if (stale) this.#operations.add(key);
    keepNewest(this.#operations, MOST);
    if (stale === wasStale) return;
    this.listeners.tell({ ...operation, stale });
  }
}
