/** What a client has written and seen, so that its next read is at least as fresh. Tokens stay opaque. */
export class Freshness {
  #tokens = new Set<string>();

  /** The tokens to send with a query: header `read-after`, separated by commas. */
  get tokens(): readonly string[] {
    return [...this.#tokens];
  }

  /** An answer's token. One of a query that waited for tokens stands for them too, unless it was stale. */
  saw({ token, stale }: Consistency, waitedFor: readonly string[] = []): void {
    if (!stale) for (const older of waitedFor) this.#tokens.delete(older);
    this.#tokens.add(token);
  }

  /** The server does not know these any more (FOREIGN_TOKEN, TOKEN_AHEAD, INVALID_TOKEN): read without them. */
  forget(tokens: readonly string[]): void {
    for (const token of tokens) this.#tokens.delete(token);
  }
}

/** `extensions.consistency` of an answer. */
export interface Consistency {
  readonly token: string;
  readonly stale?: boolean;
}

/** True for the codes of tokens that are no longer good. */
export const isOutdated = (code: unknown): boolean =>
  code === 'FOREIGN_TOKEN' || code === 'TOKEN_AHEAD' || code === 'INVALID_TOKEN';
