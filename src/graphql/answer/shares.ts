/** Memory that running answers may take together, in bytes, while they are made and until they are sent. */
export interface AnswerShareLimits {
  /** For one caller. */
  readonly caller: number;
  /** For all callers of this process. */
  readonly total: number;
}

/**
 * Counts the memory of large answers. Each answer is bounded, but many at once would still fill the memory, above all
 * if their clients do not read them. Memory is counted before it is used, so that an answer without room is refused.
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
    if (held + bytes > most) return `Your answers in progress may take ${most} bytes together.`;
    if (this.#total + bytes > total) return `All answers in progress may take ${total} bytes together.`;
    this.add(caller, bytes);
    return undefined;
  }

  /** Counts bytes for a caller, whether there is room or not. */
  add(caller: string, bytes: number): void {
    this.#callers.set(caller, (this.#callers.get(caller) ?? 0) + bytes);
    this.#total += bytes;
  }

  /** Gives bytes back that were taken. */
  give(caller: string, bytes: number): void {
    const left = (this.#callers.get(caller) ?? 0) - bytes;
    if (left > 0) this.#callers.set(caller, left);
    else this.#callers.delete(caller);
    this.#total -= bytes;
  }
}
