import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from '../../../database/transient.ts';
import type { Append, AppendOutcome } from './append.ts';
import type { LogAppender } from './log-appender.ts';

export interface Patience {
  /** How long a batch whose outcome is unknown is looked up and sent again, in ms. */
  readonly retryForMs?: number;
  /**
   * How long an answer is waited for before it is looked whether Postgres is still at work on the batch, in ms, besides the
   * time that its bytes take. If it is not, the batch is sent again by another connection.
   */
  readonly attemptMs?: number;
  /**
   * Looks by another connection whether a statement with this beacon is still at work: see `beacon.ts`. A batch
   * that is only slow is not sent again. Without it, silence counts as a lost connection.
   */
  readonly isAtWork?: (beacon: number) => Promise<boolean>;
}

/** An append with the ids that its events get, however often it is sent. */
interface Identified {
  readonly append: Append;
  readonly eventIds: readonly string[];
  readonly bytes: number;
}

/** The slowest that a batch is expected to be sent and stored, in bytes a millisecond. */
const SLOWEST = 1000;
/** The longest that it is looked whether Postgres is at work, in ms. */
const LOOK_MS = 2000;

/**
 * Appends a batch, and sends it again as it is if the connection breaks or goes silent, until it is known what became of it.
 *
 * @param onRetry told of each failure after which it is sent again.
 * @throws the database's error: a transient one if its outcome stays unknown.
 */
export async function appendUntilKnown(
  log: Pick<LogAppender, 'append'>,
  batch: readonly Identified[],
  { retryForMs = 15_000, attemptMs = 3000, isAtWork }: Patience,
  onRetry: (error: unknown, attempt: number) => void,
): Promise<AppendOutcome[]> {
  const appends = batch.map(({ append }) => append);
  const eventIds = batch.map((each) => each.eventIds);
  const transferMs = batch.reduce((sum, { bytes }) => sum + bytes, 0) / SLOWEST;
  const beacon = randomInt(2 ** 31);
  const deadline = performance.now() + retryForMs + transferMs;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = log.append(appends, eventIds, beacon);
      return await answered(answer, deadline, attemptMs + transferMs, () => isAtWork?.(beacon) ?? false);
    } catch (error) {
      if (!isTransient(error) || performance.now() > deadline) throw error;
      onRetry(error, attempt);
      await delay(Math.min(1000, 20 * 2 ** attempt) * (0.5 + Math.random() / 2));
    }
  }
}

/**
 * Waits for an answer as long as Postgres is at work on it. A server that takes connections and says nothing is as good as
 * none: the driver would wait for ever.
 */
async function answered<T>(
  answer: Promise<T>,
  deadline: number,
  patienceMs: number,
  isAtWork: () => Promise<boolean> | boolean,
): Promise<T> {
  const silent: unique symbol = Symbol();
  // Told where it is awaited; while it is looked, nobody awaits it.
  answer.catch(() => undefined);
  for (;;) {
    const ms = Math.max(1, Math.min(deadline - performance.now(), patienceMs));
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<typeof silent>((resolve) => {
      timer = setTimeout(resolve, ms, silent);
    });
    try {
      const first = await Promise.race([answer, silence]);
      if (first !== silent) return first as T;
    } finally {
      clearTimeout(timer);
    }
    if (performance.now() < deadline && (await Promise.race([answer.then(() => true), looked(isAtWork)]))) continue;
    throw Object.assign(new Error('Postgres does not answer.'), { code: 'ETIMEDOUT' });
  }
}

/** A look that fails or takes long shows nothing. */
async function looked(isAtWork: () => Promise<boolean> | boolean): Promise<boolean> {
  const giveUp = new AbortController();
  const tooLong = delay(LOOK_MS, false, { signal: giveUp.signal });
  tooLong.catch(() => undefined);
  try {
    return await Promise.race([isAtWork(), tooLong]);
  } catch {
    return false;
  } finally {
    giveUp.abort();
  }
}
