import { sql } from 'drizzle-orm';
import type { Database } from '../../../../database/client.ts';
import type { EventTypes } from '../../../define/event.ts';
import type { Projection } from '../../../define/read-model/projection.ts';
import { LogReader } from '../../../log/log-reader.ts';
import type { SubjectKeys } from '../../../privacy/subject-keys.ts';
import { ProjectionTable } from '../../fold/projection-table.ts';
import { firstParked, loadParked, removeParked, type StoredParkedEvent } from '../dead-letter-store.ts';
import { FoldError } from '../poison.ts';
import { clearRows, countParked, holdProjection, raiseGeneration } from './hold-projection.ts';
import { hasMissedEvents } from './missed-events.ts';
import { planParked, type ReplayedParked, replayParked, TooLateError, type WaitingEvent } from './replay-parked.ts';

export interface RetryParts {
  /** With the projector's rights. */
  readonly db: Database;
  readonly projection: Projection;
  /** The read model that an operator must rebuild if it is too late; the projection itself by default. */
  readonly readModel?: string | undefined;
  readonly events: EventTypes;
  /** The keys of personal data; undefined if there is no keyring. */
  readonly keys?: SubjectKeys | undefined;
  readonly key: string;
  /** Maximum number of events that are applied in one transaction; default: 1000. */
  readonly pageSize?: number | undefined;
}

/** A page that could not be applied, with its events. */
export class PageError extends Error {
  override readonly cause: unknown;
  readonly parkedEvents: readonly StoredParkedEvent[];

  constructor(cause: unknown, parkedEvents: readonly StoredParkedEvent[]) {
    super('A page of dead letters could not be applied.', { cause });
    this.name = 'PageError';
    this.cause = cause;
    this.parkedEvents = parkedEvents;
  }
}

/** The result of a page. */
export interface AppliedPage {
  /** Positions of its first event, undefined if nothing is parked under the key, and of its last. */
  readonly from: number | undefined;
  readonly to: number;
  /** Events that were applied. */
  readonly applied: number;
  /** Events that are still parked under the key. */
  readonly remaining: number;
}

/** The first events that are parked under a key. They are loaded, replayed and written in one transaction. */
export class RetryPage {
  readonly #tx: Database;
  readonly #parts: RetryParts;
  readonly #parkedEvents: readonly StoredParkedEvent[];

  private constructor(tx: Database, parts: RetryParts, parkedEvents: readonly StoredParkedEvent[]) {
    this.#tx = tx;
    this.#parts = parts;
    this.#parkedEvents = parkedEvents;
  }

  /** Locks the projection until the transaction ends, and loads the parked events. */
  static async load(tx: Database, parts: RetryParts, limit: number): Promise<RetryPage> {
    const { projection, key } = parts;
    await holdProjection(tx, projection);
    return new RetryPage(tx, parts, await firstParked(tx, projection.checkpoint.key, key, limit));
  }

  /**
   * Applies the page.
   * @throws {PageError} if some of its events cannot be applied. Nothing is written then.
   */
  async apply(): Promise<AppliedPage> {
    if (this.#parkedEvents.length === 0) return { from: undefined, to: 0, applied: 0, remaining: 0 };
    try {
      return await this.#write(await this.#replay());
    } catch (cause) {
      throw new PageError(cause, this.#parkedEvents);
    }
  }

  async #replay(): Promise<ReplayedParked> {
    const { projection, events: types, keys, key } = this.#parts;
    const log = new LogReader(this.#tx, types, { keys });
    const events = await log.readAt(this.#parkedEvents.map(({ position }) => position));
    const { waiting, wanted } = planParked(projection, this.#parkedEvents, events);
    const table = new ProjectionTable(this.#tx, projection);
    await this.#refuseTooLate(table, waiting);
    const parked = await loadParked(this.#tx, projection, Number.MAX_SAFE_INTEGER);
    const replayed = replayParked(projection, this.#readModel, key, waiting, await table.read(wanted), parked);
    const { made } = replayed;
    if (made && (await hasMissedEvents(this.#tx, log, projection, made.rows, made.by.position))) {
      throw new FoldError(projection.name, made.by, new TooLateError(this.#readModel));
    }
    return replayed;
  }

  async #write({ workingRows, rows, hasMoreRows }: ReplayedParked): Promise<AppliedPage> {
    const { projection, key } = this.#parts;
    const [from, to] = [this.#parkedEvents[0], this.#parkedEvents.at(-1)].map((event) => event?.position ?? 0);
    const next = await removeParked(this.#tx, projection.checkpoint.key, key, to as number, rows.values());
    await new ProjectionTable(this.#tx, projection).writeRows(workingRows.writes(next));
    if (next === null) await clearRows(this.#tx, projection, [...rows.values()]);
    else if (hasMoreRows) await raiseGeneration(this.#tx, projection);
    const remaining = next === null ? 0 : await countParked(this.#tx, projection, key);
    return { from, to: to as number, applied: this.#parkedEvents.length, remaining };
  }

  /** If a row has had later events, it is unknown which rows had a value when an event came. */
  async #refuseTooLate(table: ProjectionTable, waiting: readonly WaitingEvent[]): Promise<void> {
    for (const { parkedEvent, event, changes } of waiting) {
      if (parkedEvent.rowsKnown || parkedEvent.partial || !changes.some(({ kind }) => kind === 'updateWhere')) continue;
      if (await hasChangedAfter(table.db, this.#parts.projection, parkedEvent.position)) {
        throw new FoldError(this.#parts.projection.name, event, new TooLateError(this.#readModel));
      }
    }
  }

  get #readModel(): string {
    return this.#parts.readModel ?? this.#parts.projection.name;
  }
}

/** True if a row has had an event after a position. If history is kept, this includes deleted rows. */
async function hasChangedAfter(db: Database, { table, history }: Projection, position: number): Promise<boolean> {
  const ended = history ? sql` or exists (select from ${history} where until_position > ${position})` : sql``;
  const [row] = await db.execute<{ changed: boolean }>(
    sql`select exists (select from ${table} where last_position > ${position})${ended} as changed`,
  );
  return row?.changed ?? false;
}
