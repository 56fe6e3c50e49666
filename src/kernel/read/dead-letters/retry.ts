import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { readAgain } from '../../../database/transient.ts';
import type { EventTypes } from '../../define/event.ts';
import type { Key, Projection } from '../../define/projection.ts';
import { LogReader } from '../../log/log-reader.ts';
import { ProjectionTable } from '../fold/projection-table.ts';
import {
  discardLetter,
  firstLetters,
  loadParked,
  mergeKeys,
  removeLetters,
  type StoredLetter,
  setError,
} from './dead-letter-store.ts';
import { DeadLetterChangedError, DeadLetterNotFoundError, OtherVersionError } from './errors.ts';
import { hasPassedBy } from './missed-events.ts';
import { FoldError, isDataFault, isPoison, refusal } from './poison.ts';
import { foldParked, OtherKeyError, planParked, TooLateError, type WaitingEvent } from './replay-parked.ts';
import { lockForWriting } from './write-parked-batch.ts';

/** What came of applying the events that wait under a key. */
export interface RetryOutcome {
  /** Events that were applied. */
  readonly applied: number;
  /** Events that still wait. */
  readonly remaining: number;
  /** Why the first of these could not be applied; null where none waits. */
  readonly error: { readonly position: number; readonly message: string } | null;
}

export interface RetryParts {
  /** With the projector's rights. */
  readonly db: Database;
  readonly projection: Projection;
  readonly events: EventTypes;
  readonly key: string;
  /** Events applied in one transaction at most; 1000 unless told. */
  readonly pageSize?: number | undefined;
}

/**
 * Applies what waits under a key, in order and as far as it goes, whoever moves the projection meanwhile. A row is stale until
 * nothing waits under its key any more.
 * @throws {DeadLetterNotFoundError} where nothing waits.
 * @throws {OtherVersionError} where the table is another version's.
 */
export async function retryKey(parts: RetryParts): Promise<RetryOutcome> {
  const { db, projection, key, pageSize = 1000 } = parts;
  let limit = pageSize;
  let applied = 0;
  /** A page that was written, as long as it was not heard whether for good. */
  let written: Page | undefined;
  for (;;) {
    try {
      const page = await inTransaction(db, async (tx) => {
        const next = await applyPage(tx, parts, limit);
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
      const { cause, letters } = error;
      if (cause instanceof OtherKeyError) {
        await inTransaction(db, (tx) => merge(tx, projection, cause.key, key));
        continue;
      }
      const before = applicable(cause, letters);
      if (before === undefined) throw cause;
      limit = before;
      if (before > 0) continue;
      const { position } = letters[0] as StoredLetter;
      const message = isPoison(cause) ? cause.message : refusal(projection.name, position, cause);
      await setError(db, projection.name, key, position, message);
      // Whoever looks at the rows that have got further is told of it.
      if (applied > 0) await raiseGeneration(db, projection.name);
      return { applied, remaining: await count(db, projection.name, key), error: { position, message } };
    }
  }
}

/**
 * Passes the first event of a key over for good and applies what waits behind it.
 * @param position that event's, lest another one is meant.
 * @throws {DeadLetterNotFoundError} {@link DeadLetterChangedError} {@link OtherVersionError}
 */
export async function discardFirst(
  parts: RetryParts,
  position: number,
  by: { readonly by: string; readonly reason: string | null },
): Promise<RetryOutcome> {
  const { db, projection, key } = parts;
  const { name } = projection;
  /** What came of it, as long as it was not heard whether for good. */
  let written: { readonly next: number | null } | undefined;
  const next = await inTransaction(db, async (tx) => {
    await lock(tx, projection);
    const [first] = await firstLetters(tx, name, key, 1);
    if (written && first?.position !== position) return written.next;
    if (!first) throw new DeadLetterNotFoundError(name, key);
    if (first.position !== position) throw new DeadLetterChangedError(name, key, first.position);
    const next = await discardLetter(tx, name, key, first, by);
    if (next === null) await free(tx, projection, first.rows);
    written = { next };
    return next;
  });
  return next === null ? { applied: 0, remaining: 0, error: null } : retryKey(parts);
}

/** A page that could not be applied, and what was on it. */
class PageError extends Error {
  override readonly cause: unknown;
  readonly letters: readonly StoredLetter[];

  constructor(cause: unknown, letters: readonly StoredLetter[]) {
    super('A page of dead letters could not be applied.', { cause });
    this.name = 'PageError';
    this.cause = cause;
    this.letters = letters;
  }
}

/** Some of the events that wait under a key. */
interface Page {
  /** Positions of the first, undefined where none waits, and the last. */
  readonly from: number | undefined;
  readonly to: number;
  readonly applied: number;
  readonly remaining: number;
}

async function applyPage(tx: Database, { projection, events: types, key }: RetryParts, limit: number): Promise<Page> {
  const { name } = projection;
  await lock(tx, projection);
  const letters = await firstLetters(tx, name, key, limit);
  const last = letters.at(-1);
  if (!last) return { from: undefined, to: 0, applied: 0, remaining: 0 };
  try {
    const log = new LogReader(tx, types);
    const events = await log.readAt(letters.map(({ position }) => position));
    const { waiting, wanted } = planParked(projection, letters, events);
    const table = new ProjectionTable(tx, projection);
    await refuseTooLate(table, projection, waiting);
    const parked = await loadParked(tx, projection, Number.MAX_SAFE_INTEGER);
    const folded = foldParked(projection, key, waiting, await table.read(wanted), parked);
    const { slots, rows, hasMoreRows, made } = folded;
    if (made && (await hasPassedBy(tx, log, projection, made.rows, made.by.position))) {
      throw new FoldError(name, made.by, new TooLateError(name));
    }
    const next = await removeLetters(tx, name, key, last.position, rows.values());
    await table.writeRows(slots.writes(next));
    if (next === null) await free(tx, projection, [...rows.values()]);
    else if (hasMoreRows) await raiseGeneration(tx, name);
    const remaining = next === null ? 0 : await count(tx, name, key);
    return { from: letters[0]?.position, to: last.position, applied: letters.length, remaining };
  } catch (cause) {
    throw new PageError(cause, letters);
  }
}

/** How many of a page's events come before the one that is at fault; undefined where none is. */
function applicable(cause: unknown, letters: readonly StoredLetter[]): number | undefined {
  if (isPoison(cause)) return letters.filter(({ position }) => position < cause.position).length;
  if (!isDataFault(cause)) return undefined;
  return Math.floor(letters.length / 2);
}

/** Which rows had a value when an event came is not known any more once any row has had later events. */
async function refuseTooLate(
  table: ProjectionTable,
  { name }: Projection,
  waiting: readonly WaitingEvent[],
): Promise<void> {
  for (const { letter, event, changes } of waiting) {
    if (letter.rowsKnown || letter.partial || !changes.some(({ kind }) => kind === 'updateWhere')) continue;
    if (await table.hasChangedAfter(letter.position)) throw new FoldError(name, event, new TooLateError(name));
  }
}

async function merge(tx: Database, projection: Projection, from: string, into: string): Promise<void> {
  await lock(tx, projection);
  await mergeKeys(tx, projection.name, from, into);
  await raiseGeneration(tx, projection.name);
}

/** Nothing waits for these rows any more. */
async function free(tx: Database, projection: Projection, rows: readonly Key[]): Promise<void> {
  await new ProjectionTable(tx, projection).clearStale(rows);
  await raiseGeneration(tx, projection.name);
}

/** Whoever moves the projection knows what was parked before: what it works out from that is refused. */
async function raiseGeneration(tx: Database, projection: string): Promise<void> {
  await tx.execute(sql`update read.checkpoints set generation = generation + 1 where projection = ${projection}`);
}

/** Keeps the projection where it is until the transaction ends. */
async function lock(tx: Database, projection: Projection): Promise<void> {
  const { name, version } = projection;
  await lockForWriting(tx, projection);
  const [checkpoint] = await tx.execute<{ version: number }>(
    sql`select version from read.checkpoints where projection = ${name} for update`,
  );
  if (checkpoint?.version !== version) throw new OtherVersionError(name, version, checkpoint?.version);
}

async function count(db: Database, projection: string, key: string): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from read.dead_letters
        where projection = ${projection} and key = ${key} and status = 'PARKED'`,
  );
  return row?.count ?? 0;
}

/** Where the connection was lost it is done again: where that was at its very end, what it did is there already. */
function inTransaction<T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> {
  return readAgain(() => db.transaction((transaction) => work(transaction as unknown as Database)));
}
