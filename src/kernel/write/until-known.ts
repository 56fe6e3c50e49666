import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from '../../database/transient.ts';
import type { Append, AppendOutcome } from './append.ts';
import type { EventLog } from './event-log.ts';

export interface Patience {
  /** How long a batch whose outcome is unknown is looked up and sent again, in ms. */
  readonly retryForMs?: number;
  /** How long one attempt may go without an answer before the batch is sent again, by another connection, in ms. */
  readonly attemptMs?: number;
}

/** An append with the ids that its events get, however often it is sent. */
interface Identified {
  readonly append: Append;
  readonly eventIds: readonly string[];
}

/**
 * Appends a batch, and sends it again as it is where the connection breaks or goes silent, until it is known what became of it.
 *
 * @param onRetry told of each failure after which it is sent again.
 * @throws the database's error: a transient one where its outcome stays unknown.
 */
export async function appendUntilKnown(
  log: EventLog,
  batch: readonly Identified[],
  { retryForMs = 15_000, attemptMs = 3000 }: Patience,
  onRetry: (error: unknown, attempt: number) => void,
): Promise<AppendOutcome[]> {
  const appends = batch.map(({ append }) => append);
  const eventIds = batch.map((each) => each.eventIds);
  const deadline = Date.now() + retryForMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await answerBefore(Math.min(deadline, Date.now() + attemptMs), log.append(appends, eventIds));
    } catch (error) {
      if (!isTransient(error) || Date.now() > deadline) throw error;
      onRetry(error, attempt);
      await delay(Math.min(1000, 20 * 2 ** attempt) * (0.5 + Math.random() / 2));
    }
  }
}

/** A server that takes connections and says nothing is as good as none: the driver would wait for ever. */
async function answerBefore<T>(deadline: number, answer: Promise<T>): Promise<T> {
  const giveUp = new AbortController();
  const silence = delay(deadline - Date.now() + 1, undefined, { signal: giveUp.signal }).then(() => {
    throw Object.assign(new Error('Postgres does not answer.'), { code: 'ETIMEDOUT' });
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    silence.catch(() => undefined);
    giveUp.abort();
  }
}
