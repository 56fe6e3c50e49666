import type { RecordedEvent } from '../define/event.ts';
import { type Change, changesOf, type Key, type Projection } from '../define/projection.ts';

export type Row = Record<string, unknown>;

/** A batch's changes, and what has to be read before they can be applied. */
export interface Plan {
  readonly steps: readonly { readonly change: Change; readonly position: number }[];
  /** Rows by key, as the text of the key. */
  readonly keys: ReadonlyMap<string, Key>;
  /** Rows by a column's values. */
  readonly where: ReadonlyMap<string, ReadonlySet<unknown>>;
}

/** What a batch leaves to write. */
export interface Writes {
  readonly upserts: readonly Row[];
  readonly removals: readonly Key[];
  /** Texts of the keys of all rows that changed. */
  readonly keys: ReadonlySet<string>;
}

/** The projection's handlers threw: this event is poison to it. */
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

/** A key's text: the value itself, or for several columns their JSON. Also what subscriptions call the row. */
export function keyText(key: Key): string {
  return typeof key === 'object' ? JSON.stringify(key) : String(key);
}

/** Asks the handlers what each event changes. Pure; {@link FoldError} where one throws. */
export function planBatch(projection: Projection, events: readonly RecordedEvent[]): Plan {
  const steps: { change: Change; position: number }[] = [];
  const keys = new Map<string, Key>();
  const where = new Map<string, Set<unknown>>();
  for (const event of events) {
    if (!projection.handlers.has(event.type)) continue;
    let changes: readonly Change[];
    try {
      changes = changesOf(projection, event);
    } catch (error) {
      throw new FoldError(projection.name, event, error);
    }
    for (const change of changes) {
      steps.push({ change, position: event.position });
      if (change.kind === 'updateWhere') {
        const values = where.get(change.column) ?? new Set();
        values.add(change.value);
        where.set(change.column, values);
      } else {
        keys.set(keyText(change.key), change.key);
      }
    }
  }
  return { steps, keys, where };
}

interface Slot {
  row: Row | undefined;
  readonly key: Key;
  /** Position of the last event applied to it before this batch. */
  readonly before: number;
  /** Position of the last event applied to it. */
  position: number;
  changed: boolean;
}

/**
 * Applies a batch's changes to the rows that were read for it. An event at or before a row's own position has been applied
 * to it before and changes nothing.
 */
export function foldBatch(projection: Projection, plan: Plan, present: readonly Row[]): Writes {
  const properties = projection.key.map(({ property }) => property);
  const slots = new Map<string, Slot>();
  for (const row of present) {
    const { lastPosition, staleSince: _, ...own } = row;
    const key = keyOf(properties, own);
    const before = Number(lastPosition);
    slots.set(keyText(key), { row: own, key, before, position: before, changed: false });
  }
  const apply = (slot: Slot, position: number, fold: (row: Row | undefined) => Row | undefined) => {
    // Measured by the batch's beginning: one event may change a row more than once.
    if (position <= slot.before) return;
    slot.row = fold(slot.row);
    slot.position = position;
    slot.changed = true;
  };
  for (const { change, position } of plan.steps) {
    try {
      if (change.kind === 'updateWhere') {
        for (const slot of slots.values()) {
          if (slot.row && sameValue(slot.row[change.column], change.value)) applyUpdate(slot, position, change.fold);
        }
        continue;
      }
      const text = keyText(change.key);
      let slot = slots.get(text);
      if (!slot) {
        slot = { row: undefined, key: change.key, before: 0, position: 0, changed: false };
        slots.set(text, slot);
      }
      if (change.kind === 'upsert') {
        apply(slot, position, (row) => ({ ...change.fold(row), ...keyRow(properties, change.key) }));
      } else if (change.kind === 'update') applyUpdate(slot, position, change.fold);
      else if (slot.row) apply(slot, position, () => undefined);
    } catch (error) {
      throw new FoldError(projection.name, { position }, error);
    }
  }

  function applyUpdate(slot: Slot, position: number, fold: (row: Row) => Row): void {
    const { row, key } = slot;
    if (row) apply(slot, position, () => ({ ...fold(row), ...keyRow(properties, key) }));
  }

  const upserts: Row[] = [];
  const removals: Key[] = [];
  const keys = new Set<string>();
  for (const [text, slot] of slots) {
    if (!slot.changed) continue;
    keys.add(text);
    if (slot.row) upserts.push({ ...slot.row, lastPosition: slot.position, staleSince: null });
    else removals.push(slot.key);
  }
  return { upserts, removals, keys };
}

function keyOf(properties: readonly string[], row: Row): Key {
  const values = properties.map((property) => row[property] as string | number);
  return values.length === 1 ? (values[0] as string | number) : values;
}

function keyRow(properties: readonly string[], key: Key): Row {
  const values = typeof key === 'object' ? key : [key];
  return Object.fromEntries(properties.map((property, index) => [property, values[index]]));
}

/** As in SQL: null is not equal to null. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === null || a === undefined) return false;
  return a === b || (a instanceof Date && b instanceof Date && a.getTime() === b.getTime());
}
