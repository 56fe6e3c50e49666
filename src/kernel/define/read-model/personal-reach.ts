import { isDeepStrictEqual } from 'node:util';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { EventTypes, RecordedEvent } from '../event.ts';
import { type Change, changesOf, type Projection } from './projection.ts';
import { isEngineColumn, storedColumns } from './read-table.ts';

/** Where the personal data of one kind of event gets to in a read model. */
export interface PersonalReach {
  /** The columns that get it, by their properties. */
  readonly columns: ReadonlySet<string>;
  /** Those of the rows that a change is about. One event may change its own row and, by a column's value, those of others. */
  columnsOf(change: Change): ReadonlySet<string>;
  /** True if it decides which rows the event changes: it is in their keys, or they are found by it. */
  readonly choosesRows: boolean;
}

/** By the name of the kind of event; only those whose personal data gets anywhere. */
export type PersonalReaches = ReadonlyMap<string, PersonalReach>;

type TriedRow = Record<string, unknown>;

/** Rows on which each handler is tried. */
const MAX_ROWS = 60;

/**
 * Finds out into which columns the handlers of a read model put personal data, by trying them: each event with personal parts is handled
 * twice, with different ones, and where the rows differ afterwards, there they are. Handlers are pure, so that nothing happens.
 *
 * A handler may look at the row too, so each is tried on many rows: those that the events make, and made-up ones with empty columns and
 * with every value of an enumeration.
 */
export function personalReaches(projection: Projection, events: EventTypes): PersonalReaches {
  const rows = [undefined, ...sampleRows(projection), ...foldedRows(projection, events)].slice(0, MAX_ROWS);
  const reaches = new Map<string, PersonalReach>();
  for (const type of projection.handlers.keys()) {
    const byTarget = new Map<string, Set<string>>();
    let choosesRows = false;
    for (const [one, other] of events[type]?.personalParts.samples() ?? []) {
      const [changes, others] = [tried(projection, type, one), tried(projection, type, other)];
      if (!isDeepStrictEqual(changes.map(placeOf), others.map(placeOf))) choosesRows = true;
      for (const [nth, change] of changes.entries()) {
        const twin = others[nth];
        if (!twin) continue;
        for (const row of rows) {
          const different = difference(folded(change, row), folded(twin, row));
          const target = targetOf(change);
          if (different.length > 0) byTarget.set(target, new Set([...(byTarget.get(target) ?? []), ...different]));
        }
      }
    }
    const columns = new Set([...byTarget.values()].flatMap((some) => [...some]));
    const columnsOf = (change: Change) => byTarget.get(targetOf(change)) ?? NO_COLUMNS;
    if (columns.size > 0 || choosesRows) reaches.set(type, { columns, columnsOf, choosesRows });
  }
  return reaches;
}

function tried(projection: Projection, type: string, data: unknown): readonly Change[] {
  try {
    return changesOf(projection, sampleEvent(type, data));
  } catch {
    // It cannot do with made-up data.
    return [];
  }
}

const NO_COLUMNS: ReadonlySet<string> = new Set();

/** How a change finds its rows: by key, or by which column. */
function targetOf(change: Change): string {
  return change.kind === 'updateWhere' ? `where ${change.column}` : 'key';
}

/** Which rows a change is about. */
function placeOf(change: Change): unknown {
  return change.kind === 'updateWhere' ? [change.kind, change.column, change.value] : [change.kind, change.key];
}

function folded(change: Change, row: TriedRow | undefined): TriedRow | undefined {
  if (change.kind === 'remove' || (!row && (change.kind === 'update' || change.kind === 'updateWhere')))
    return undefined;
  try {
    return change.fold(row as TriedRow);
  } catch {
    return undefined;
  }
}

function difference(one: TriedRow | undefined, other: TriedRow | undefined): string[] {
  if (!one || !other) return [];
  return Object.keys({ ...one, ...other }).filter((column) => !isDeepStrictEqual(one[column], other[column]));
}

/** Rows as made-up events leave them, one event after the other. */
function foldedRows(projection: Projection, events: EventTypes): TriedRow[] {
  const types = [...projection.handlers.keys()];
  const made: TriedRow[] = [];
  for (const type of types) {
    for (const [data] of events[type]?.personalParts.samples() ?? []) {
      for (const change of tried(projection, type, data)) {
        for (const before of [undefined, ...made.slice(-5)]) {
          const row = folded(change, before);
          if (row && made.length < MAX_ROWS / 2) made.push(row);
        }
      }
    }
  }
  return made;
}

/** Made-up rows: a full one, one in which everything that may be empty is, and one for each value of an enumeration. */
function sampleRows({ table }: Projection): TriedRow[] {
  const columns = Object.entries(storedColumns(table)).filter(([property]) => !isEngineColumn(property));
  const full = Object.fromEntries(columns.map(([property, column]) => [property, sampleValue(column)]));
  const empty = Object.fromEntries(
    columns.map(([property, column]) => [property, column.notNull ? full[property] : null]),
  );
  const lists = Object.fromEntries(
    columns.map(([property, column]) => [property, isJson(column) ? [] : empty[property]]),
  );
  const others = columns.flatMap(([property, { enumValues }]) =>
    (enumValues ?? []).flatMap((value) => [full, lists].map((row) => ({ ...row, [property]: value }))),
  );
  return [full, empty, lists, ...others];
}

function isJson(column: PgColumn): boolean {
  return column.dataType === 'json';
}

function sampleValue(column: PgColumn): unknown {
  if (column.enumValues?.length) return column.enumValues[0];
  switch (column.dataType) {
    case 'number':
      return 1;
    case 'bigint':
      return 1n;
    case 'boolean':
      return false;
    case 'date':
      return new Date('2000-01-01');
    case 'json':
      return {};
    case 'array':
      return [];
    default:
      return column.getSQLType() === 'uuid' ? SOME_ID : 'some';
  }
}

const SOME_ID = '00000000-0000-4000-8000-000000000001';

function sampleEvent(type: string, data: unknown): RecordedEvent {
  return {
    ...{ type, data, eventId: SOME_ID, position: 1, streamType: 'Some', streamId: SOME_ID, version: 1 },
    metadata: { actor: { id: SOME_ID, roles: [] }, correlationId: SOME_ID },
    ...{ commandId: SOME_ID, summary: '' },
    ...{ occurredAt: new Date('2000-01-01'), recordedAt: new Date('2000-01-01') },
  };
}
