import type { RecordedEvent } from '../../define/event.ts';
import { type Change, changesOf, handlerOf, type Key, type Projection } from '../../define/read-model/projection.ts';
import { newerEventOf } from '../../log/newer-events.ts';
import type { BatchParking } from '../dead-letters/batch-parking.ts';
import type { ParkedEvent } from '../dead-letters/parked-streams.ts';
import { FoldError } from '../dead-letters/poison.ts';
import { keyText, matches, type RowWithMeta, WorkingRows, type Writes } from './working-rows.ts';

export interface PlannedChange {
  readonly event: RecordedEvent;
  /** The event's change of rows; undefined if it is parked and its handler cannot tell. */
  readonly change: Change | undefined;
  /** Set if the event is parked instead of applied. */
  readonly parkedEvent: ParkedEvent | undefined;
}

/** Everything that must be read before changes can be applied. */
export interface RowsToRead {
  /** Rows by key, as the text of the key. */
  readonly keys: ReadonlyMap<string, Key>;
  /** Rows by a column's values. */
  readonly where: ReadonlyMap<string, ReadonlySet<unknown>>;
}

/** A batch's changes, and everything that must be read before they can be applied. */
export interface BatchPlan extends RowsToRead {
  readonly steps: readonly PlannedChange[];
}

/** Collects the rows that changes need. */
export class WantedRows implements RowsToRead {
  readonly keys = new Map<string, Key>();
  readonly where = new Map<string, Set<unknown>>();

  add(change: Change): void {
    if (change.kind === 'updateWhere') this.addWhere(change.column, change.value);
    else this.keys.set(keyText(change.key), change.key);
  }

  addWhere(column: string, value: unknown): void {
    const values = this.where.get(column) ?? new Set();
    values.add(value);
    this.where.set(column, values);
  }
}

/**
 * Asks the handlers what each event changes. Pure, except for what it adds to `parking`.
 * @param parking collects what the batch parks; undefined if it parks nothing.
 * @param isKeyless true if the keys of the rows are not needed, because all rows are in memory.
 * @throws {FoldError} if a handler throws.
 */
export function planBatch(
  projection: Projection,
  events: readonly RecordedEvent[],
  parking?: BatchParking,
  isKeyless = false,
): BatchPlan {
  const steps: PlannedChange[] = [];
  const wanted = new WantedRows();
  for (const event of events) {
    if (!handlerOf(projection, event.type) || parking?.skips(event)) continue;
    const parkedEvent = parking?.parkedEventFor(event);
    const changes =
      parking && parkedEvent
        ? changesOfParked(projection, event, parkedEvent, parking)
        : changesOrPoison(projection, event);
    if (changes === undefined) {
      addGuess(projection, event, wanted);
      steps.push({ event, change: undefined, parkedEvent });
      continue;
    }
    for (const change of changes) {
      // A row that is put as a whole must be read only in two cases: it becomes a former version, or the event is
      // parked, so that the row has to be marked as stale.
      const isRead = !isKeyless && (parkedEvent || projection.history || change.kind !== 'put');
      if (isRead || change.kind === 'updateWhere') wanted.add(change);
      steps.push({ event, change, parkedEvent });
    }
  }
  return { steps, keys: wanted.keys, where: wanted.where };
}

/**
 * The changes of an event.
 * @throws {FoldError} if its handler throws.
 */
export function changesOrPoison(projection: Projection, event: RecordedEvent): readonly Change[] {
  try {
    return changesOf(projection, event);
  } catch (error) {
    throw new FoldError(projection.name, event, error);
  }
}

/** The changes that a parked event would make; undefined if this cannot be known. */
function changesOfParked(
  projection: Projection,
  event: RecordedEvent,
  parkedEvent: ParkedEvent,
  parking: BatchParking,
): readonly Change[] | undefined {
  if (!parkedEvent.rowsKnown) return undefined;
  try {
    return changesOf(projection, event);
  } catch (error) {
    // Newer code can tell which rows.
    if (newerEventOf(error)) throw new FoldError(projection.name, event, error);
    parking.rowsAreUnknown(parkedEvent);
    return undefined;
  }
}

/** Adds the rows that the event most likely changes: those with its stream's id in their key. */
function addGuess({ key }: Projection, { streamId }: RecordedEvent, wanted: WantedRows): void {
  const [first] = key;
  if (first && key.length === 1) {
    if (mayHoldId(first)) wanted.keys.set(streamId, streamId);
    return;
  }
  for (const column of key) if (mayHoldId(column)) wanted.addWhere(column.property, streamId);
}

function mayHoldId({ column }: Projection['key'][number]): boolean {
  return /^(uuid|text|varchar|char)/.test(column.getSQLType());
}

/**
 * Applies a batch's changes to the rows that were read for it. If an event is at or before a row's own position, it was
 * applied to the row before and changes nothing. Parked events go to `parking`.
 * @throws {FoldError} if a change throws.
 */
export function foldBatch(
  projection: Projection,
  plan: BatchPlan,
  present: readonly RowWithMeta[],
  parking?: BatchParking,
): Writes {
  const workingRows = new WorkingRows(projection, present);
  foldSteps(projection, plan, workingRows, parking);
  return workingRows.writes();
}

/**
 * Applies a batch's changes to rows in memory.
 * @param workingRows has all rows that the plan needs.
 * @throws {FoldError} if a change throws.
 */
export function foldSteps(
  projection: Projection,
  plan: Pick<BatchPlan, 'steps'>,
  workingRows: WorkingRows,
  parking?: BatchParking,
): void {
  for (const step of plan.steps) {
    const { event, change, parkedEvent } = step;
    try {
      if (parkedEvent) park(projection, workingRows, step, parkedEvent, parking as BatchParking);
      else if (change) apply(workingRows, event, change, parking);
    } catch (error) {
      throw new FoldError(projection.name, event, error);
    }
  }
}

function apply(
  workingRows: WorkingRows,
  event: RecordedEvent,
  change: Change,
  parking: BatchParking | undefined,
): void {
  const { position } = event;
  if (change.kind !== 'updateWhere') {
    const workingRow = workingRows.of(change.key);
    const owner = parking?.ownerOf(workingRow.text);
    if (parking?.isDiscarded(position, workingRow.text)) return;
    if (owner !== undefined) parking?.addPartial(event, owner);
    else workingRows.apply(workingRow, change, event);
    return;
  }
  for (const workingRow of workingRows.all()) {
    if (!matches(workingRow, change) || parking?.ownerOf(workingRow.text) !== undefined) continue;
    if (!parking?.isDiscarded(position, workingRow.text)) workingRows.apply(workingRow, change, event);
  }
  // A row that lacks events may have another value in this column once they are applied.
  for (const key of parking?.keys() ?? []) parking?.addPartial(event, key);
}

/** Protects the rows that a parked event would change from later events. */
function park(
  projection: Projection,
  workingRows: WorkingRows,
  { event, change }: PlannedChange,
  parkedEvent: ParkedEvent,
  parking: BatchParking,
): void {
  if (change && change.kind !== 'updateWhere') {
    parking.take(parkedEvent, workingRows.of(change.key));
    return;
  }
  if (!change) {
    const { streamId } = event;
    if (projection.key.length === 1 && projection.key.some(mayHoldId))
      parking.take(parkedEvent, workingRows.of(streamId));
    for (const workingRow of workingRows.all()) {
      if (typeof workingRow.key === 'object' && workingRow.key.includes(streamId))
        parking.take(parkedEvent, workingRow);
    }
    return;
  }
  for (const workingRow of workingRows.all()) {
    if (matches(workingRow, change) && parking.ownerOf(workingRow.text) === undefined)
      parking.take(parkedEvent, workingRow);
  }
  for (const key of parking.keys()) parking.addPartial(event, key);
}
