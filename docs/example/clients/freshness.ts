/** How many answers may overtake each other: requests that are in flight at the same time. */
const MOST = 20;

/** What a client has written and seen, so that its next read is at least as fresh. Tokens stay opaque. */
export class Freshness {
  readonly #tokens = new Set<string>();

  /** The tokens to send with a query: header `read-after`, separated by commas. */
  get tokens(): readonly string[] {
    return [...this.#tokens];
  }

  /** The token of a mutation's answer, even if a part of it failed. */
  wrote({ token }: Consistency): void {
    this.#tokens.add(token);
    for (const oldest of this.#tokens) if (this.#tokens.size > MOST) this.#tokens.delete(oldest);
  }

  /** The token of a query's answer without errors. It covers those that the query waited for, unless it was stale. */
  read({ token, stale }: Consistency, waitedFor: readonly string[]): void {
    if (stale) return;
    this.forget(waitedFor);
    this.#tokens.add(token);
  }

  /** The server no longer knows these (FOREIGN_TOKEN, TOKEN_AHEAD, INVALID_TOKEN): read without them. */
  forget(tokens: readonly string[]): void {
    for (const token of tokens) this.#tokens.delete(token);
  }
}

/** `extensions.consistency` of an answer. */
export interface Consistency {
  readonly token: string;
  readonly stale?: boolean;
}

/** True for the codes of tokens that are no longer valid. */
export const isOutdated = (code: unknown): boolean =>
  code === 'FOREIGN_TOKEN' || code === 'TOKEN_AHEAD' || code === 'INVALID_TOKEN';
