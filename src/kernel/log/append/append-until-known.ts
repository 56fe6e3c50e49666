import { isTransient } from '../../../database/transient.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { within } from '../../../scheduling/timers.ts';
import type { Append, AppendOutcome } from './append.ts';
import type { LogAppender } from './log-appender.ts';

export interface Patience {
  /** How long a batch whose outcome is unknown is waited for, looked up and sent again, in ms, besides the time that its bytes take. */
  readonly retryForMs?: number;
}

/** Ends the attempts. */
class LateError extends Error {
  readonly code = 'ETIMEDOUT';
}

/** An append with the ids that its events get, however often it is sent. */
interface Identified {
  readonly append: Append;
  readonly eventIds: readonly string[];
  readonly bytes: number;
}

/** The slowest that a batch is expected to be sent and stored, in bytes a millisecond. */
const SLOWEST = 1000;

/**
 * Appends a batch, and sends it again as it is if its connection is lost, until it is known what became of it. A connection on
 * which no answer comes is given up by the pool (`database/link/answer-watch.ts`), unless Postgres is still at work on the
 * batch: so a batch that is only slow is not sent again.
 *
 * @param onRetry told of each failure after which it is sent again.
 * @throws the database's error: a transient one if its outcome stays unknown.
 */
export async function appendUntilKnown(
  log: Pick<LogAppender, 'append'>,
  batch: readonly Identified[],
  { retryForMs = 15_000 }: Patience,
  onRetry: (error: unknown, attempt: number) => void,
): Promise<AppendOutcome[]> {
  const appends = batch.map(({ append }) => append);
  const eventIds = batch.map((each) => each.eventIds);
  const deadline = performance.now() + retryForMs + batch.reduce((sum, { bytes }) => sum + bytes, 0) / SLOWEST;
  for (let attempt = 1; ; attempt++) {
    try {
      // Postgres may be at work on a batch for as long as somebody holds a lock. Its callers are told before that.
      return await within(Math.max(1, deadline - performance.now()), log.append(appends, eventIds), () => {
        throw new LateError('Postgres has not answered in time.');
      });
    } catch (error) {
      if (!isTransient(error) || error instanceof LateError || performance.now() >= deadline) throw error;
      onRetry(error, attempt);
      await pause(Math.min(1000, 20 * 2 ** attempt) * (0.5 + Math.random() / 2));
    }
  }
}
