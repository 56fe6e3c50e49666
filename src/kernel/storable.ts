import { getTableColumns } from 'drizzle-orm';
import { getTableConfig, type PgColumn } from 'drizzle-orm/pg-core';
import { wallTime } from './clock/wall-clock.ts';
import type { RecordedEvent } from './define/event.ts';
import { type Change, changesOf, handlerOf, type Key, type Projection } from './define/read-model/projection.ts';
import { isUuid } from './define/uuid.ts';
import type { Append } from './log/append/append.ts';

type ProbeRow = Readonly<Record<string, unknown>>;
type Property = readonly [property: string, column: PgColumn];

/**
 * Bytes of text that a row of a B-tree may hold. Postgres allows 2,704, but other columns and the overhead need some of
 * them.
 */
const MAX_INDEX_BYTES = 2_600;

/** An event with less text than this, in UTF-16 units, cannot exceed an index row, however its texts are combined. */
const ORDINARY_TEXT = 800;

/** Larger numbers may be out of the range of an `integer`. */
const ORDINARY_NUMBER = 2 ** 31 - 1;

const INTEGERS: Readonly<Record<string, number>> = { smallint: 2 ** 15, integer: 2 ** 31, bigint: 2 ** 63 };

/**
 * Finds events whose rows Postgres would refuse, before they are appended: later they would be poison for a read model.
 *
 * It checks the values that a handler takes from the event into a row: numbers out of a column's range, text that is
 * too long for an index or a `varchar`, text and dates that Postgres cannot store. It does not check what a handler
 * computes from a value and the former row, such as a sum: no row is read here. Expressions in indexes are not checked.
 * Ordinary events, with little text and small numbers, are skipped.
 */
export class StorableRows {
  readonly #projections: readonly Projection[];
  readonly #indexes = new Map<Projection, readonly (readonly Property[])[]>();

  constructor(projections: readonly Projection[]) {
    this.#projections = projections;
  }

  /** Why read models could not store the result of these events; undefined if no reason is known. */
  readonly whyNot = (append: Append): string | undefined => {
    for (const [nth, { data }] of append.events.entries()) {
      const reason = isOrdinary(data) ? undefined : this.#whyNotEvent(eventToCome(append, nth));
      if (reason) return reason;
    }
    return undefined;
  };

  #whyNotEvent(event: RecordedEvent): string | undefined {
    for (const projection of this.#projections) {
      if (!handlerOf(projection, event.type)) continue;
      for (const row of rowsOf(projection, event)) {
        const reason = this.#refusal(projection, row);
        if (reason) return `${event.type} cannot be stored: ${reason} of ${projection.name}.`;
      }
    }
    return undefined;
  }

  #refusal(projection: Projection, row: ProbeRow): string | undefined {
    for (const [property, column] of Object.entries(getTableColumns(projection.table))) {
      const reason = refusalOf(column, row[property]);
      if (reason) return `${reason} for ${property}`;
    }
    for (const index of this.#indexesOf(projection)) {
      const bytes = index.reduce((sum, [property]) => sum + bytesOf(row[property]), 0);
      const names = index.map(([property]) => property).join(', ');
      if (bytes > MAX_INDEX_BYTES)
        return `${bytes} bytes of text are more than ${MAX_INDEX_BYTES} for the index on ${names}`;
    }
    return undefined;
  }

  /** The columns of each B-tree, by property. */
  #indexesOf(projection: Projection): readonly (readonly Property[])[] {
    let indexes = this.#indexes.get(projection);
    if (!indexes) {
      indexes = indexesOf(projection);
      this.#indexes.set(projection, indexes);
    }
    return indexes;
  }
}

function indexesOf({ table, key }: Projection): Property[][] {
  const config = getTableConfig(table);
  const properties = Object.entries(getTableColumns(table));
  const named = (columns: readonly unknown[]) =>
    columns.flatMap((part) => {
      const { name } = part as { readonly name?: unknown };
      return properties.filter(([, column]) => column.name === name);
    });
  return [
    key.map(({ property, column }): Property => [property, column]),
    ...config.uniqueConstraints.map(({ columns }) => named(columns)),
    ...config.columns.filter(({ isUnique }) => isUnique).map((column) => named([column])),
    ...config.indexes
      .filter(({ config: { method } }) => method === undefined || method === 'btree')
      .map(({ config: { columns } }) => named(columns)),
  ];
}

/** The rows that an event creates or changes, as far as they follow from the event alone. */
function rowsOf(projection: Projection, event: RecordedEvent): ProbeRow[] {
  try {
    return changesOf(projection, event).map((change) => rowOf(projection, change));
  } catch {
    // A handler that throws is a fault of the code, not of the event.
    return [];
  }
}

/** An event as its readers would get it, but without its position, which is not known yet, and without its summary. */
function eventToCome({ streamType, streamId, expectedVersion, events, metadata, ...append }: Append, nth: number) {
  const { type = '', data } = events[nth] ?? {};
  const now = new Date(wallTime());
  return {
    ...{ eventId: append.commandId, position: 1, streamType, streamId, version: (expectedVersion ?? 0) + nth + 1 },
    ...{ type, data, summary: '', metadata, commandId: append.commandId },
    ...{ occurredAt: append.occurredAt ?? now, recordedAt: now },
  };
}

function rowOf(projection: Projection, change: Change): ProbeRow {
  const keyed = 'key' in change ? keyRow(projection, change.key) : { [change.column]: change.value };
  return { ...folded(change), ...keyed };
}

/** The result of a fold for a row that is missing, or of which nothing is known. */
function folded(change: Change): ProbeRow {
  if (change.kind === 'remove') return {};
  for (const before of [undefined, {}]) {
    try {
      return change.fold(before as never);
    } catch {
      // The fold cannot do without the row.
    }
  }
  return {};
}

function keyRow(projection: Projection, key: Key): ProbeRow {
  const values = typeof key === 'object' ? key : [key];
  return Object.fromEntries(projection.key.map(({ property }, nth) => [property, values[nth]]));
}

function refusalOf(column: PgColumn, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  const type = column.getSQLType();
  if (typeof value === 'number') {
    const limit = INTEGERS[type];
    if (limit === undefined || Number.isNaN(value)) return undefined;
    return Number.isInteger(value) && value >= -limit && value < limit ? undefined : `${value} is no ${type}`;
  }
  if (value instanceof Date) {
    const year = value.getUTCFullYear();
    return Number.isNaN(year) || (year >= 1 && year <= 9999) ? undefined : `the year ${year} is out of range`;
  }
  if (typeof value !== 'string') return undefined;
  if (type === 'uuid') return isUuid(value) ? undefined : 'the text is no UUID';
  if (value.includes('\0') || !value.isWellFormed()) return 'the text contains NUL or is malformed';
  const length = /^(?:varchar|char)\((\d+)\)$/.exec(type)?.[1];
  if (length !== undefined && value.length > Number(length) && [...value].length > Number(length)) {
    return `the text is longer than ${length} characters`;
  }
  return undefined;
}

function bytesOf(value: unknown): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : 0;
}

/** True for data with so little text and such small numbers that every column accepts them. */
function isOrdinary(data: unknown): boolean {
  let room = ORDINARY_TEXT;
  const fits = (value: unknown): boolean => {
    if (typeof value === 'string') {
      room -= value.length;
      return room >= 0 && !value.includes('\0') && value.isWellFormed();
    }
    if (typeof value === 'number') return Math.abs(value) <= ORDINARY_NUMBER;
    if (value instanceof Date) return false;
    if (Array.isArray(value)) return value.every(fits);
    if (value === null || typeof value !== 'object') return true;
    for (const name in value) if (!fits((value as ProbeRow)[name])) return false;
    return true;
  };
  return fits(data);
}
