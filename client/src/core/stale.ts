import type { Answer, Operation, Variables } from './answer.ts';

/** An operation whose newest answer lacks events, or no longer does. */
export interface StaleChange {
  readonly operationName: string | undefined;
  readonly query: string;
  readonly variables: Variables;
  readonly stale: boolean;
}

/** How many stale operations are remembered. */
const MOST = 200;

/** Tells when what is shown is stale, and when it is fresh again. */
export class Stale {
  readonly #operations = new Set<string>();
  readonly #listeners = new Set<(change: StaleChange) => void>();

  /** @returns a function that ends it. */
  listen(listener: (change: StaleChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  note({ query, variables, operationName }: Operation, answer: Answer): void {
    const stale = answer.extensions?.consistency?.stale === true;
    // The usual case.
    if (!stale && this.#operations.size === 0) return;
    const key = `${query} ${JSON.stringify(variables)}`;
    const wasStale = this.#operations.delete(key);
    if (stale) this.#operations.add(key);
    for (const oldest of this.#operations) if (this.#operations.size > MOST) this.#operations.delete(oldest);
    if (stale === wasStale) return;
    for (const listener of this.#listeners) listener({ operationName, query, variables, stale });
  }
}
