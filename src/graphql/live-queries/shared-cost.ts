import type { DocumentNode } from 'graphql';
import type { LiveSubscriber } from './subscriber.ts';

/** Bytes of a live query without its answer: its state, timers and watched keys. */
const BASE_BYTES = 8192;
/** Bytes that a token of its document takes with its share of the syntax tree. */
const TOKEN_BYTES = 600;
/** Bytes in memory for each byte of JSON: a text beyond Latin-1 has two for each character, with its message and without. */
const BYTES_A_JSON_BYTE = 4;

/** Memory that the subscribers of one live query share. One of them pays for it. */
export class SharedCost {
  readonly #withoutAnswer: number;
  /** Until when callers have no points who have paid, in ms of the monotonic clock. */
  readonly #restUntil = new Map<string, number>();
  #payer: LiveSubscriber | undefined;
  #bytes: number;

  constructor({ tokenCount = 0 }: DocumentNode) {
    this.#withoutAnswer = BASE_BYTES + TOKEN_BYTES * tokenCount;
    this.#bytes = this.#withoutAnswer;
  }

  /** Undefined while nobody pays. */
  get payer(): LiveSubscriber | undefined {
    return this.#payer;
  }

  /** Lets a subscriber pay, while nobody else does. @throws {ThrottledError} BadUserInputError if it has no room. */
  payBy(subscriber: LiveSubscriber): void {
    subscriber.context.operation.allotment?.take(this.#bytes);
    this.#payer = subscriber;
  }

  /**
   * There is another answer.
   * @param answerBytes its size as JSON.
   * @throws {ThrottledError} BadUserInputError if the payer has no room; then it pays as before.
   */
  holdAnswer(answerBytes: number): void {
    const bytes = this.#withoutAnswer + BYTES_A_JSON_BYTE * answerBytes;
    const more = bytes - this.#bytes;
    const allotment = this.#payer?.context.operation.allotment;
    if (more > 0) allotment?.take(more);
    else allotment?.give(-more);
    this.#bytes = bytes;
  }

  /**
   * A caller who has paid has used up their points. Somebody else pays from now on, if one of the subscribers has points
   * and room.
   * @param ms how long the caller should wait.
   * @returns how long all of them have to wait, in ms; 0 if somebody pays.
   */
  exhausted(caller: string, ms: number, subscribers: Iterable<LiveSubscriber>): number {
    const now = performance.now();
    for (const [each, until] of this.#restUntil) if (until <= now) this.#restUntil.delete(each);
    this.#restUntil.set(caller, now + ms);
    let least = ms;
    for (const subscriber of subscribers) {
      const until = this.#restUntil.get(subscriber.context.caller);
      if (until !== undefined) least = Math.min(least, until - now);
      else if (this.#passTo(subscriber)) return 0;
    }
    return least;
  }

  /** A subscriber joins. @returns true if it pays from now on, because the payer has used up their points. */
  relieve(subscriber: LiveSubscriber): boolean {
    const isResting = ({ context }: LiveSubscriber) =>
      (this.#restUntil.get(context.caller) ?? Number.NEGATIVE_INFINITY) > performance.now();
    return this.#payer !== undefined && isResting(this.#payer) && !isResting(subscriber) && this.#passTo(subscriber);
  }

  #passTo(subscriber: LiveSubscriber): boolean {
    if (subscriber.context.operation.allotment?.tryTake(this.#bytes) === false) return false;
    this.release();
    this.#payer = subscriber;
    return true;
  }

  /** The payer leaves. */
  release(): void {
    this.#payer?.context.operation.allotment?.give(this.#bytes);
    this.#payer = undefined;
  }
}

/**
 * Whose turn and whose shares the work for several subscribers uses: those of their caller if it is the same one for
 * all. Otherwise it uses others, so that nobody waits because of what another one of them does besides. These are the
 * same for everything that one caller pays for: sharing live queries gives nobody more than one share more.
 */
export function callerOf(subscribers: Iterable<LiveSubscriber>, payer: LiveSubscriber | undefined): string {
  let only: string | undefined;
  for (const { context } of subscribers) {
    only ??= context.caller;
    if (context.caller !== only) return `live queries of ${payer?.context.caller ?? only}`;
  }
  return only ?? '';
}
