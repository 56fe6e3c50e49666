/** Tracks whether a pool's statements are answered. */
export class Answers {
  /** When each unanswered statement was sent, oldest first. */
  readonly #asked = new Map<object, number>();
  #lastAnswer = Number.NEGATIVE_INFINITY;
  #failingSince: number | undefined;

  /** How long nothing has been answered although something was asked, in ms; 0 if all is well. */
  get silentMs(): number {
    const now = performance.now();
    const [oldest] = this.#asked.values();
    const waiting = oldest === undefined ? 0 : now - Math.max(oldest, this.#lastAnswer);
    return Math.max(waiting, this.#failingSince === undefined ? 0 : now - this.#failingSince);
  }

  /** Time since the last answer, in ms; Infinity before the first. */
  get lastAnswerMs(): number {
    return performance.now() - this.#lastAnswer;
  }

  get isWaiting(): boolean {
    return this.#asked.size > 0;
  }

  asks(query: object): void {
    this.#asked.set(query, performance.now());
  }

  /** Postgres has answered, possibly with an error. */
  answered(query: object): void {
    this.#asked.delete(query);
    this.alive();
  }

  /** Postgres was seen working on a statement. */
  alive(): void {
    this.#lastAnswer = performance.now();
    this.#failingSince = undefined;
  }

  /** There was no answer: no connection could be made, or it was lost. */
  failed(query: object): void {
    this.#failingSince ??= this.#asked.get(query) ?? performance.now();
    this.#asked.delete(query);
  }

  /** The statement was never sent, or nobody waits for it any more. */
  forgotten(query: object): void {
    this.#asked.delete(query);
  }
}
