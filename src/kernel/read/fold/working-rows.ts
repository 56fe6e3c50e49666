import type { RecordedEvent } from '../../define/event.ts';
import type { Change, Key, Projection } from '../../define/projection.ts';
import type { KeptIn } from '../../define/read-table.ts';
import { type Ended, LongValues } from './long-values.ts';

export type Row = Record<string, unknown>;

/** A row as it is stored: what handlers see of it, and what the engine adds. */
export interface StoredRow {
  readonly row: Row;
  /** Position of the last event that has been applied to it. */
  readonly lastPosition: number;
  /** Position of the first event that it lacks; null where it lacks none. */
  readonly staleSince: number | null;
  /** Since when it is as it is, where history is kept; null where that is not known. */
  readonly heldFrom: Date | null;
  /** Which former versions hold long values that it still has, if history is kept. Null if none does. */
  readonly keptIn: KeptIn | null;
}

/** What folding leaves to write. */
export interface Writes {
  /** By the texts of their keys. */
  readonly upserts: ReadonlyMap<string, StoredRow>;
  readonly removals: readonly Key[];
  /** The rows that changed as they were read, by the texts of their keys. */
  readonly before: ReadonlyMap<string, Row>;
  /** Versions that have ended, where they are kept; those that came and went within the batch too. */
  readonly former: readonly Row[];
  /** Texts of the keys of all rows that changed. */
  readonly keys: ReadonlySet<string>;
}

/** A row while it is folded. */
export interface Slot {
  readonly key: Key;
  readonly text: string;
  row: Row | undefined;
  /** Position of the last event that had been applied to it when it was read. */
  readonly before: number;
  /** Position of the last event applied to it. */
  position: number;
  changed: boolean;
  /** Since when it is as it is, where history is kept; null where that is not known. */
  heldFrom: Date | null;
  /** Which former versions hold long values of the version before `ended`, or of the row if `ended` is undefined. */
  keptIn: KeptIn | null;
  /** The version before the one that the row is now, as long as the row may still change with the same event. */
  ended: Ended | undefined;
  /** The row as it was read. */
  readonly read: Row | undefined;
}

/** A key's text: the value itself, or for several columns their JSON. Also what subscriptions call the row. */
export function keyText(key: Key): string {
  return typeof key === 'object' ? JSON.stringify(key) : String(key);
}

/**
 * Rows in memory, to which changes are applied one after the other. An event at or before a row's own position has been
 * applied to it before and changes nothing.
 */
export class Slots {
  readonly #properties: readonly string[];
  readonly #slots = new Map<string, Slot>();
  /** Undefined if no history is kept. */
  readonly #longValues: LongValues | undefined;
  readonly #former: Row[] = [];

  constructor(projection: Pick<Projection, 'key' | 'history' | 'table'>, present: readonly StoredRow[]) {
    this.#properties = projection.key.map(({ property }) => property);
    if (projection.history) this.#longValues = LongValues.of(projection);
    for (const { row, lastPosition: before, heldFrom, keptIn } of present) {
      const key = this.#keyOf(row);
      const text = keyText(key);
      const slot = { key, text, row, before, position: before, changed: false, heldFrom, keptIn };
      this.#slots.set(text, { ...slot, ended: undefined, read: row });
    }
  }

  /** The row with a key, whether it is there or not. */
  of(key: Key): Slot {
    const text = keyText(key);
    let slot = this.#slots.get(text);
    if (!slot) {
      slot = {
        ...{ key, text, row: undefined, before: 0, position: 0, changed: false },
        ...{ heldFrom: null, keptIn: null, ended: undefined, read: undefined },
      };
      this.#slots.set(text, slot);
    }
    return slot;
  }

  all(): Iterable<Slot> {
    return this.#slots.values();
  }

  /** Applies a change to one of the rows that it concerns. */
  apply(slot: Slot, change: Change, event: Pick<RecordedEvent, 'position' | 'occurredAt'>): void {
    const { row, key } = slot;
    const { position } = event;
    // Measured by what it was when it was read: one event may change a row more than once.
    if (position <= slot.before || (!row && change.kind !== 'upsert' && change.kind !== 'put')) return;
    if (this.#longValues) this.#keep(slot, event, this.#longValues);
    if (change.kind === 'remove') slot.row = undefined;
    else slot.row = this.#withKey(change.fold(row as Row), key);
    slot.position = position;
    slot.changed = true;
  }

  /** @param staleSince of a row that goes on lacking events, the first of them. */
  writes(staleSince: number | null = null): Writes {
    const upserts = new Map<string, StoredRow>();
    const removals: Key[] = [];
    const keys = new Set<string>();
    const before = new Map<string, Row>();
    for (const [text, slot] of this.#slots) {
      const { row, key, position, changed, heldFrom, read } = slot;
      if (!changed) continue;
      keys.add(text);
      if (read) before.set(text, read);
      if (!row) {
        removals.push(key);
        continue;
      }
      this.#longValues?.settle(slot);
      upserts.set(text, { row, lastPosition: position, staleSince, heldFrom, keptIn: slot.keptIn });
    }
    return { upserts, removals, before, former: this.#former, keys };
  }

  /** The version that an event ends, and since when the next one holds. */
  #keep(
    slot: Slot,
    { position, occurredAt }: Pick<RecordedEvent, 'position' | 'occurredAt'>,
    longValues: LongValues,
  ): void {
    const { row, heldFrom, position: fromPosition } = slot;
    // One event makes one version, however often it changes the row.
    if (slot.changed && fromPosition === position) return;
    if (!row) {
      slot.heldFrom = occurredAt;
      slot.keptIn = null;
      slot.ended = undefined;
      return;
    }
    const heldUntil = heldFrom && heldFrom > occurredAt ? heldFrom : occurredAt;
    longValues.settle(slot);
    const { keptIn } = slot;
    const own = longValues.without(row, keptIn);
    this.#former.push({
      ...own,
      fromPosition,
      untilPosition: position,
      heldFrom: heldFrom ?? heldUntil,
      heldUntil,
      keptIn,
    });
    slot.ended = { row, place: [heldUntil.getTime(), fromPosition] };
    slot.heldFrom = heldUntil;
  }

  #keyOf(row: Row): Key {
    const values = this.#properties.map((property) => row[property] as string | number);
    return values.length === 1 ? (values[0] as string | number) : values;
  }

  /** Whatever a handler says: a row has the key under which it stands. */
  #withKey(row: Row, key: Key): Row {
    const values = typeof key === 'object' ? key : [key];
    if (this.#properties.every((property, index) => row[property] === values[index])) return row;
    return { ...row, ...Object.fromEntries(this.#properties.map((property, index) => [property, values[index]])) };
  }
}

/** True where a row has the value that a change looks for. As in SQL, null is not equal to null. */
export function matches(
  { row }: Slot,
  { column, value }: { readonly column: string; readonly value: unknown },
): boolean {
  const own = row?.[column];
  if (own === null || own === undefined) return false;
  return own === value || (own instanceof Date && value instanceof Date && own.getTime() === value.getTime());
}
