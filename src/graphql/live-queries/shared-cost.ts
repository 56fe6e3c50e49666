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

  /** The payer leaves. */
  release(): void {
    this.#payer?.context.operation.allotment?.give(this.#bytes);
    this.#payer = undefined;
  }
}

/**
 * Whose turn and whose shares the work for several subscribers uses: those of their caller if it is the same one for
 * all, and otherwise the work's own, so that nobody waits because of what another one of them does besides.
 */
export function callerOf(subscribers: Iterable<LiveSubscriber>, own: string): string {
  let only: string | undefined;
  for (const { context } of subscribers) {
    only ??= context.caller;
    if (context.caller !== only) return own;
  }
  return only ?? own;
}
