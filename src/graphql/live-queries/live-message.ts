import { type SharedResult, sharedResult } from '../answer/shared-json.ts';
import type { SharedAnswer } from '../live/shared/shared-execution.ts';

/** An answer that is current, as its subscribers get it. */
export class LiveMessage {
  readonly answer: SharedAnswer;
  /** The answer is what a query reads at this position, or later. */
  readonly position: number;
  readonly #tokenOf: (position: number) => string;
  #result: SharedResult | undefined;

  constructor(answer: SharedAnswer, position: number, tokenOf: (position: number) => string) {
    this.answer = answer;
    this.position = position;
    this.#tokenOf = tokenOf;
  }

  /** The same object for all subscribers. */
  get result(): SharedResult {
    const { json, errors, stale } = this.answer;
    const token = () => this.#tokenOf(this.position);
    this.#result ??= sharedResult(json, errors, { consistency: { token: token(), stale } });
    return this.#result;
  }

  /** The same answer, which is still current at a later position. */
  at(position: number): LiveMessage {
    return position === this.position ? this : new LiveMessage(this.answer, position, this.#tokenOf);
  }
}

/** Where a subscriber takes its messages from. */
export interface MessageSource {
  /** The newest message; undefined before the first execution. */
  readonly latest: LiveMessage | undefined;
}
