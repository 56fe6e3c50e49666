import type { LiveAnswer } from './live-execution.ts';

/** An answer that is current. */
export interface LiveMessage {
  readonly answer: LiveAnswer;
  /** The answer is what a query reads at this position, or later. */
  readonly position: number;
}

/** Where a subscriber takes its messages from. */
export interface MessageSource {
  /** The newest message; undefined before the first execution. */
  readonly latest: LiveMessage | undefined;
}
