import { rootOf } from '../../../database/errors.ts';
import { UnreadableEventError } from '../../define/event.ts';

/** A handler of the projection threw: the event is poison. */
export class FoldError extends Error {
  readonly code = 'FOLD_FAILED';
  readonly projection: string;
  readonly position: number;

  constructor(projection: string, event: { readonly position: number; readonly type?: string }, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `Projection ${projection} failed at position ${event.position}${event.type ? ` (${event.type})` : ''}: ${reason}`,
      {
        cause,
      },
    );
    this.name = 'FoldError';
    this.projection = projection;
    this.position = event.position;
  }
}

/** Default of the maximum number of streams of one projection in dead letters. */
export const DEAD_LETTER_LIMIT = 1000;

/** So many streams are parked that the fold itself must be wrong. No more are parked. */
export class TooManyDeadLettersError extends Error {
  readonly code = 'TOO_MANY_DEAD_LETTERS';

  constructor(position: number, limit: number) {
    super(
      `The event at position ${position} could not be applied, and events of ${limit} streams are in dead letters already. ` +
        'Correct the fold, or raise DEAD_LETTER_LIMIT.',
    );
    this.name = 'TooManyDeadLettersError';
  }
}

/** Why an event is poison. */
export interface Poison {
  /** For operators. */
  readonly message: string;
  readonly error: unknown;
  /**
   * True if its handler must not be asked what the event changes, because the handler, its data or the row keys are the
   * cause.
   */
  readonly isOpaque: boolean;
}

/** True if the event itself is the cause, so that it will fail again whatever comes before and after it. */
export function isPoison(error: unknown): error is Error & { readonly position: number } {
  return error instanceof FoldError || (error instanceof UnreadableEventError && error.position !== undefined);
}

/**
 * Postgres refuses the resulting row: data that does not fit (SQLSTATE class 22), a constraint (23), more than an index
 * or a row can hold (54).
 */
export function isDataFault(error: unknown): boolean {
  return /^(22|23|54)...$/.test(rootOf(error).code);
}

/** Why Postgres refuses a row. Its own message is not used, because it may contain the row's values. */
export function refusal(projection: string, position: number, error: unknown): string {
  const { code, message } = rootOf(error);
  const why = code ? `Postgres refused its change (SQLSTATE ${code})` : message;
  return `Projection ${projection} failed at position ${position}: ${why}`;
}
