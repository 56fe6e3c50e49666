/** What answers that are under way may take in memory together, in bytes: while they are made and until they are sent. */
export interface AnswerShareLimits {
  /** Of one caller. */
  readonly caller: number;
  /** Of all callers of this process. */
  readonly total: number;
}

/**
 * What is held for answers that are large: one answer is bounded, and many at once would still fill the memory, most of all if
 * their clients do not read them. It is taken before it is spent, so that too much is refused.
 */
export class AnswerShares {
  readonly #limits: AnswerShareLimits;
  readonly #callers = new Map<string, number>();
  #total = 0;

  constructor(limits: AnswerShareLimits) {
    this.#limits = limits;
  }

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#total;
  }

  /** Callers for whom something is held. */
  get callers(): number {
    return this.#callers.size;
  }

  /** Takes bytes for a caller. @returns why there is no room; undefined if they were taken. */
  take(caller: string, bytes: number): string | undefined {
    const held = this.#callers.get(caller) ?? 0;
    const { caller: most, total } = this.#limits;
    if (held + bytes > most) return `Your answers that are under way may take ${most} bytes together.`;
    if (this.#total + bytes > total) return `All answers that are under way may take ${total} bytes together.`;
    this.#callers.set(caller, held + bytes);
    this.#total += bytes;
    return undefined;
  }

  /** Gives bytes back that were taken. */
  give(caller: string, bytes: number): void {
    const left = (this.#callers.get(caller) ?? 0) - bytes;
    if (left > 0) this.#callers.set(caller, left);
    else this.#callers.delete(caller);
    this.#total -= bytes;
  }
}
