import type { RecordedEvent } from '../../define/event.ts';
import { type Change, changesOf, handlerOf, type Key, type Projection } from '../../define/projection.ts';
import type { Parking } from '../dead-letters/batch-parking.ts';
import type { Letter } from '../dead-letters/parked-streams.ts';
import { FoldError } from '../dead-letters/poison.ts';
import { keyText, matches, Slots, type StoredRow, type Writes } from './working-rows.ts';

export interface Step {
  readonly event: RecordedEvent;
  /** What the event does to rows; undefined where it is put aside and its handler cannot say. */
  readonly change: Change | undefined;
  /** Where the event is put aside, rather than applied. */
  readonly letter: Letter | undefined;
}

/** What has to be read before changes can be applied. */
export interface Wanted {
  /** Rows by key, as the text of the key. */
  readonly keys: ReadonlyMap<string, Key>;
  /** Rows by a column's values. */
  readonly where: ReadonlyMap<string, ReadonlySet<unknown>>;
}

/** A batch's changes, and what has to be read before they can be applied. */
export interface Plan extends Wanted {
  readonly steps: readonly Step[];
}

/** Collects what some changes have to have read. */
export class WantedRows implements Wanted {
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
 * Asks the handlers what each event changes. Pure, but for what it tells `parking`.
 * @param parking what of the batch is put aside; undefined where nothing is.
 * @throws {FoldError} where a handler throws.
 */
export function planBatch(projection: Projection, events: readonly RecordedEvent[], parking?: Parking): Plan {
  const steps: Step[] = [];
  const wanted = new WantedRows();
  for (const event of events) {
    if (!handlerOf(projection, event.type) || parking?.passesOver(event)) continue;
    const letter = parking?.letterFor(event);
    const changes = letter ? changesOfParked(projection, event, letter) : changesOrPoison(projection, event);
    if (changes === undefined) {
      addGuess(projection, event, wanted);
      steps.push({ event, change: undefined, letter });
      continue;
    }
    for (const change of changes) {
      // A row that is put as a whole is read only where it becomes a former version, or where the event waits: the row has to
      // say then that it lacks it.
      if (letter || projection.history || change.kind !== 'put') wanted.add(change);
      steps.push({ event, change, letter });
    }
  }
  return { steps, keys: wanted.keys, where: wanted.where };
}

/** What an event changes. @throws {FoldError} where its handler throws. */
export function changesOrPoison(projection: Projection, event: RecordedEvent): readonly Change[] {
  try {
    return changesOf(projection, event);
  } catch (error) {
    throw new FoldError(projection.name, event, error);
  }
}

/** What an event that is put aside would change; undefined where that cannot be known. */
function changesOfParked(projection: Projection, event: RecordedEvent, letter: Letter): readonly Change[] | undefined {
  if (!letter.rowsKnown) return undefined;
  try {
    return changesOf(projection, event);
  } catch {
    letter.rowsKnown = false;
    return undefined;
  }
}

/** The rows that most likely are the event's: those with its stream's id in their key. */
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
 * Applies a batch's changes to the rows that were read for it. An event at or before a row's own position has been applied
 * to it before and changes nothing. What is to be put aside goes to `parking`.
 * @throws {FoldError} where a change throws.
 */
export function foldBatch(
  projection: Projection,
  plan: Plan,
  present: readonly StoredRow[],
  parking?: Parking,
): Writes {
  const slots = new Slots(projection, present);
  for (const step of plan.steps) {
    const { event, change, letter } = step;
    try {
      if (letter) park(projection, slots, step, letter, parking as Parking);
      else if (change) apply(slots, event, change, parking);
    } catch (error) {
      throw new FoldError(projection.name, event, error);
    }
  }
  return slots.writes();
}

function apply(slots: Slots, event: RecordedEvent, change: Change, parking: Parking | undefined): void {
  const { position } = event;
  if (change.kind !== 'updateWhere') {
    const slot = slots.of(change.key);
    const owner = parking?.ownerOf(slot.text);
    if (parking?.isDiscarded(position, slot.text)) return;
    if (owner !== undefined) parking?.addPartial(event, owner);
    else slots.apply(slot, change, event);
    return;
  }
  for (const slot of slots.all()) {
    if (!matches(slot, change) || parking?.ownerOf(slot.text) !== undefined) continue;
    if (!parking?.isDiscarded(position, slot.text)) slots.apply(slot, change, event);
  }
  // A row that lacks events may have another value there, once it has them.
  for (const key of parking?.keys() ?? []) parking?.addPartial(event, key);
}

/** Takes the rows that an event would change out of the way of later ones. */
function park(projection: Projection, slots: Slots, { event, change }: Step, letter: Letter, parking: Parking): void {
  if (change && change.kind !== 'updateWhere') {
    parking.take(letter, slots.of(change.key));
    return;
  }
  if (!change) {
    const { streamId } = event;
    if (projection.key.length === 1 && projection.key.some(mayHoldId)) parking.take(letter, slots.of(streamId));
    for (const slot of slots.all()) {
      if (typeof slot.key === 'object' && slot.key.includes(streamId)) parking.take(letter, slot);
    }
    return;
  }
  for (const slot of slots.all()) {
    if (matches(slot, change) && parking.ownerOf(slot.text) === undefined) parking.take(letter, slot);
  }
  for (const key of parking.keys()) parking.addPartial(event, key);
}
