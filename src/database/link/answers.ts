/** Whether what a pool asks is answered. */
export class Answers {
  /** When each statement was asked that has no answer yet; the oldest is first. */
  readonly #asked = new Map<object, number>();
  #lastAnswer = Number.NEGATIVE_INFINITY;
  #failingSince: number | undefined;

  /** For how long nothing has been answered although something was asked, in ms; 0 if all is well. */
  get silentMs(): number {
    const now = performance.now();
    const [oldest] = this.#asked.values();
    const waiting = oldest === undefined ? 0 : now - Math.max(oldest, this.#lastAnswer);
    return Math.max(waiting, this.#failingSince === undefined ? 0 : now - this.#failingSince);
  }

  /** How long ago there was an answer, in ms; Infinity before the first. */
  get lastAnswerMs(): number {
    return performance.now() - this.#lastAnswer;
  }

  get isWaiting(): boolean {
    return this.#asked.size > 0;
  }

  asks(query: object): void {
    this.#asked.set(query, performance.now());
  }

  /** Postgres has answered, if only with an error. */
  answered(query: object): void {
    this.#asked.delete(query);
    this.alive();
  }

  /** Postgres was seen to be at work on a statement. */
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
