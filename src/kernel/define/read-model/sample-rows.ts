import type { PgColumn } from 'drizzle-orm/pg-core';
import type { EventTypes, RecordedEvent } from '../event.ts';
import { type Change, changesOf, type Projection } from './projection.ts';
import { isEngineColumn, storedColumns } from './read-table.ts';

export type TriedRow = Record<string, unknown>;

/** Maximum number of rows on which each handler is tried. */
const MAX_ROWS = 60;
/** Data of an event type from which rows are made. */
const MAX_SAMPLES = 8;

/** Rows on which handlers are tried: those that made-up events make, and others that are made up. */
export function triedRows(projection: Projection, events: EventTypes): TriedRow[] {
  return [...foldedRows(projection, events), ...sampleRows(projection)].slice(0, MAX_ROWS);
}

/** What a handler makes of made-up data. @throws what the handler throws. */
export function tried(projection: Projection, type: string, data: unknown): readonly Change[] {
  return changesOf(projection, sampleEvent(type, data));
}

/** The row that a change makes; undefined if it makes none. @throws what the handler throws. */
export function folded(change: Change, row: TriedRow | undefined): TriedRow | undefined {
  if (change.kind === 'remove' || (!row && (change.kind === 'update' || change.kind === 'updateWhere')))
    return undefined;
  return change.fold(row as TriedRow);
}

/** Another value that a column may have. */
export function otherValue(column: PgColumn, value: unknown): unknown {
  const [one, other] = sampleValues(column);
  return value === one || value === null ? other : one;
}

/** Rows as made-up events leave them, one event after the other. */
function foldedRows(projection: Projection, events: EventTypes): TriedRow[] {
  const made: TriedRow[] = [];
  for (const type of projection.handlers.keys()) {
    for (const [data] of events[type]?.personalParts.samples().slice(0, MAX_SAMPLES) ?? []) {
      for (const change of orNothing(() => tried(projection, type, data)) ?? []) {
        for (const before of [undefined, ...made.slice(-5)]) {
          const row = orNothing(() => folded(change, before));
          if (row && made.length < MAX_ROWS / 2) made.push(row);
        }
      }
    }
  }
  return made;
}

/** It cannot do with made-up data. Whoever tries the handler itself finds that out. */
function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Made-up rows: a full one, one in which everything that may be empty is, and one for each value of an enumeration. */
function sampleRows({ table }: Projection): TriedRow[] {
  const columns = Object.entries(storedColumns(table)).filter(([property]) => !isEngineColumn(property));
  const full = Object.fromEntries(columns.map(([property, column]) => [property, sampleValues(column)[0]]));
  const empty = Object.fromEntries(
    columns.map(([property, column]) => [property, column.notNull ? full[property] : null]),
  );
  const lists = Object.fromEntries(
    columns.map(([property, column]) => [property, column.dataType === 'json' ? [] : empty[property]]),
  );
  const opposite = Object.fromEntries(
    columns.map(([property, column]) => [property, column.dataType === 'boolean' ? true : full[property]]),
  );
  const others = columns.flatMap(([property, { enumValues }]) =>
    (enumValues ?? []).flatMap((value) => [full, lists].map((row) => ({ ...row, [property]: value }))),
  );
  return [full, empty, lists, opposite, ...others];
}

function sampleValues(column: PgColumn): readonly [unknown, unknown] {
  const { enumValues, dataType } = column;
  if (enumValues?.length) return [enumValues[0], enumValues[1] ?? enumValues[0]];
  switch (dataType) {
    case 'number':
      return [1, 20];
    case 'bigint':
      return [1n, 20n];
    case 'boolean':
      return [false, true];
    case 'date':
      return [new Date('2000-01-01'), new Date('2011-11-11')];
    case 'json':
      return [{}, { some: 'other' }];
    case 'array':
      return [[], ['other']];
    default:
      return column.getSQLType() === 'uuid' ? [SOME_ID, OTHER_ID] : ['some 1', 'another 20'];
  }
}

const SOME_ID = '00000000-0000-4000-8000-000000000001';
const OTHER_ID = '00000000-0000-4000-8000-000000000020';

function sampleEvent(type: string, data: unknown): RecordedEvent {
  return {
    ...{ type, data, eventId: SOME_ID, position: 1, streamType: 'Some', streamId: SOME_ID, version: 1 },
    metadata: { actor: { id: SOME_ID, roles: [] }, correlationId: SOME_ID },
    ...{ commandId: SOME_ID, summary: '' },
    ...{ occurredAt: new Date('2000-01-01'), recordedAt: new Date('2000-01-01') },
  };
}
