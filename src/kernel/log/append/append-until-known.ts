import { isTransient } from '../../../database/transient.ts';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { within } from '../../../scheduling/timers.ts';
import type { Append, AppendOutcome } from './append.ts';
import type { LogAppender } from './log-appender.ts';

export interface Patience {
  /**
   * How long to look up and resend a batch whose outcome is unknown, in ms. The time that sending its bytes takes is
   * added.
   */
  readonly retryForMs?: number;
}

/** The time for attempts is over. */
class LateError extends Error {
  readonly code = 'ETIMEDOUT';
}

/** An append with the ids of its events, which are the same in every attempt. */
interface Identified {
  readonly append: Append;
  readonly eventIds: readonly string[];
  readonly bytes: number;
}

/** The slowest rate at which a batch is expected to be sent and stored, in bytes per ms. */
const SLOWEST = 1000;

/** Callers wait for the answer, so it is asked for at least once a second. Other servers lost their connections too. */
const SEND_AGAIN: Backoff = { firstMs: 40, maxMs: 1000, jitter: 0.5 };

/**
 * Appends a batch. If its connection is lost, sends it again unchanged until its outcome is known. The pool closes a
 * connection that does not answer (`database/link/answer-watch.ts`), unless Postgres is still working on the batch, so
 * a batch that is only slow is not sent again.
 *
 * @param onRetry called with each failure before the batch is sent again.
 * @throws the database's error: a transient one if the outcome stays unknown.
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
      // Postgres may work on a batch for as long as another session holds a lock. The callers are answered before that.
      return await within(Math.max(1, deadline - performance.now()), log.append(appends, eventIds), () => {
        throw new LateError('Postgres has not answered in time.');
      });
    } catch (error) {
      if (!isTransient(error) || error instanceof LateError || performance.now() >= deadline) throw error;
      onRetry(error, attempt);
      await pause(backoffMs(attempt, SEND_AGAIN));
    }
  }
}
