import type { LiveSubscriber } from './subscriber.ts';

/** Memory that the subscribers of one live query share. One of them pays for it. */
export class SharedCost {
  #payer: LiveSubscriber | undefined;
  #bytes: number;

  /** @param bytes at the beginning. */
  constructor(bytes: number) {
    this.#bytes = bytes;
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

  /** Changes the cost. @throws {ThrottledError} BadUserInputError if the payer has no room; then it pays as before. */
  resize(bytes: number): void {
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
