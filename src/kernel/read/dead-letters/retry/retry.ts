import type { Database } from '../../../../database/client.ts';
import { readAgain } from '../../../../database/transient.ts';
import type { Projection } from '../../../define/read-model/projection.ts';
import { discardParked, firstParked, mergeKeys, type StoredParkedEvent, setError } from '../dead-letter-store.ts';
import { DeadLetterChangedError, DeadLetterNotFoundError } from '../errors.ts';
import { isDataFault, isPoison, refusal } from '../poison.ts';
import { clearRows, countParked, holdProjection, raiseGeneration } from './hold-projection.ts';
import { OtherKeyError } from './replay-parked.ts';
import { type AppliedPage, PageError, RetryPage, type RetryParts } from './retry-page.ts';

/** The result of applying the events that are parked under a key. */
export interface RetryOutcome {
  /** Events that were applied. */
  readonly applied: number;
  /** Events that are still parked. */
  readonly remaining: number;
  /** Why the first of these could not be applied; null if none is left. */
  readonly error: { readonly position: number; readonly message: string } | null;
}

/**
 * Applies everything that is parked under a key, in order and as far as possible. It works whichever instance runs the
 * projection. A row is stale until nothing is parked under its key any more.
 * @throws {DeadLetterNotFoundError} if nothing is parked.
 * @throws {OtherVersionError} if this version of the projection does not exist.
 */
export async function retryKey(parts: RetryParts): Promise<RetryOutcome> {
  const { db, projection, key, pageSize = 1000 } = parts;
  let limit = pageSize;
  let applied = 0;
  /** A page that was written, while it is unknown whether it was committed. */
  let written: AppliedPage | undefined;
  for (;;) {
    try {
      const page = await inTransaction(db, async (tx) => {
        const next = await (await RetryPage.load(tx, parts, limit)).apply();
        if (written && (next.from ?? Number.POSITIVE_INFINITY) > written.to) applied += written.applied;
        written = next;
        return next;
      });
      written = undefined;
      if (page.applied === 0 && applied === 0) throw new DeadLetterNotFoundError(projection.name, key);
      applied += page.applied;
      if (page.remaining === 0) return { applied, remaining: 0, error: null };
      limit = Math.min(pageSize, limit * 2);
    } catch (error) {
      if (!(error instanceof PageError)) throw error;
      const { cause, parkedEvents } = error;
      if (cause instanceof OtherKeyError) {
        await inTransaction(db, (tx) => merge(tx, projection, cause.key, key));
        continue;
      }
      const before = applicable(cause, parkedEvents);
      if (before === undefined) throw cause;
      limit = before;
      if (before > 0) continue;
      const { position } = parkedEvents[0] as StoredParkedEvent;
      const message = isPoison(cause) ? cause.message : refusal(projection.name, position, cause);
      await setError(db, projection.checkpoint.key, key, position, message);
      // Other instances learn that rows have changed.
      if (applied > 0) await raiseGeneration(db, projection);
      return { applied, remaining: await countParked(db, projection, key), error: { position, message } };
    }
  }
}

/**
 * Discards the first event of a key permanently and applies the events behind it.
 * @param position of the event to discard.
 * @throws {DeadLetterNotFoundError} {@link DeadLetterChangedError} {@link OtherVersionError}
 */
export async function discardFirst(
  parts: RetryParts,
  position: number,
  by: { readonly by: string; readonly reason: string | null },
): Promise<RetryOutcome> {
  const { db, projection, key } = parts;
  const { name, checkpoint } = projection;
  /** The result, while it is unknown whether it was committed. */
  let written: { readonly next: number | null } | undefined;
  const next = await inTransaction(db, async (tx) => {
    await holdProjection(tx, projection);
    const [first] = await firstParked(tx, checkpoint.key, key, 1);
    if (written && first?.position !== position) return written.next;
    if (!first) throw new DeadLetterNotFoundError(name, key);
    if (first.position !== position) throw new DeadLetterChangedError(name, key, first.position);
    const next = await discardParked(tx, checkpoint.key, key, first, by);
    if (next === null) await clearRows(tx, projection, first.rows);
    written = { next };
    return next;
  });
  return next === null ? { applied: 0, remaining: 0, error: null } : retryKey(parts);
}

async function merge(tx: Database, projection: Projection, from: string, into: string): Promise<void> {
  await holdProjection(tx, projection);
  await mergeKeys(tx, projection.checkpoint.key, from, into);
  await raiseGeneration(tx, projection);
}

/** How many events of a page come before the poison event; undefined if none of them is the cause. */
function applicable(cause: unknown, parkedEvents: readonly StoredParkedEvent[]): number | undefined {
  if (isPoison(cause)) return parkedEvents.filter(({ position }) => position < cause.position).length;
  if (!isDataFault(cause)) return undefined;
  return Math.floor(parkedEvents.length / 2);
}

/** Repeated if the connection was lost. If that was at the very end, the work may already be committed. */
function inTransaction<T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> {
  return readAgain(() => db.transaction((transaction) => work(transaction as unknown as Database)));
}
