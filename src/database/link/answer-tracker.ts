import { Roster, type RosterMember } from '../roster.ts';

/** A statement that was sent. */
export interface SentStatement extends RosterMember {
  /** When, by `performance.now()`. */
  readonly at: number;
}

/** Tracks whether a pool's statements are answered. */
export class AnswerTracker {
  /** The statements that are not answered yet. */
  readonly #asked = new Roster<SentStatement>();
  #lastAnswer = Number.NEGATIVE_INFINITY;
  #failingSince: number | undefined;

  /** How long nothing has been answered although something was asked, in ms; 0 if all is well. */
  get silentMs(): number {
    const now = performance.now();
    const oldest = this.#asked.all().reduce((least, { at }) => Math.min(least, at), now);
    const waiting = this.isWaiting ? now - Math.max(oldest, this.#lastAnswer) : 0;
    return Math.max(waiting, this.#failingSince === undefined ? 0 : now - this.#failingSince);
  }

  /** Time since the last answer, in ms; Infinity before the first. */
  get lastAnswerMs(): number {
    return performance.now() - this.#lastAnswer;
  }

  get isWaiting(): boolean {
    return this.#asked.size > 0;
  }

  asks(): SentStatement {
    const asked = { place: -1, at: performance.now() };
    this.#asked.add(asked);
    return asked;
  }

  /** Postgres has answered, possibly with an error. */
  answered(asked: SentStatement): void {
    this.#asked.remove(asked);
    this.alive();
  }

  /** Postgres was seen working on a statement. */
  alive(): void {
    this.#lastAnswer = performance.now();
    this.#failingSince = undefined;
  }

  /** There was no answer: no connection could be made, or it was lost. */
  failed(asked?: SentStatement): void {
    this.#failingSince ??= asked?.at ?? performance.now();
    if (asked) this.#asked.remove(asked);
  }

  /** The statement was never sent, or nobody waits for it any more. */
  forgotten(asked: SentStatement): void {
    this.#asked.remove(asked);
  }
}
