import { isDeepStrictEqual } from 'node:util';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { RecordedEvent } from '../define/event.ts';
import { type Change, changesOf, type Key, type Projection, type RowOf } from '../define/read-model/projection.ts';
import { isEngineColumn, storedColumns } from '../define/read-model/read-table.ts';
import { refuseOtherColumns } from '../define/read-model/row-columns.ts';
import { deepFreeze } from './freeze.ts';

type FoldedRow = Readonly<Record<string, unknown>>;

/** Starts a test of a read model: `givenEvents(recorded(Loan, id, [ … ])).project(loans)` are its rows. */
export function givenEvents(events: readonly RecordedEvent[]) {
  return {
    /** The rows that the projection produces from these events, oldest first. */
    project: <Table extends PgTable>(projection: Projection<Table>): RowOf<Table>[] => foldRows(projection, events),
    /** The former versions that it keeps, in the order in which they ended. */
    history: <Table extends PgTable>(projection: Projection<Table>): FormerRow<Table>[] =>
      foldHistory(projection, events).former,
  };
}

/**
 * The simplest possible fold of a projection, in memory and event by event: the engine must agree with it. The rows are
 * those of a query, without the engine's columns, in the order in which they were created.
 *
 * Rows are frozen, so a handler that changes one in place throws.
 */
export function foldRows<Table extends PgTable>(
  projection: Projection<Table>,
  events: Iterable<RecordedEvent>,
): RowOf<Table>[] {
  const rows = new Map<string, FoldedRow>();
  for (const event of events) {
    for (const change of changesOf(projection, event)) apply(projection, change, rows);
  }
  return [...rows.values()] as RowOf<Table>[];
}

/** A former version of a row, with its period of validity. */
export type FormerRow<Table extends PgTable = PgTable> = RowOf<Table> & {
  readonly fromPosition: number;
  readonly untilPosition: number;
  readonly validFrom: Date;
  readonly validUntil: Date;
};

/** The former versions of rows, and the start of the current ones, in order; also event by event. */
export function foldHistory<Table extends PgTable>(
  projection: Projection<Table>,
  events: Iterable<RecordedEvent>,
): { readonly former: FormerRow<Table>[]; readonly held: Date[] } {
  const rows = new Map<string, FoldedRow>();
  const since = new Map<string, { readonly validFrom: Date; readonly fromPosition: number }>();
  const former: FoldedRow[] = [];
  for (const event of events) {
    const before: RowsBefore = new Map();
    for (const change of changesOf(projection, event)) apply(projection, change, rows, before);
    for (const [address, was] of before) {
      const held = since.get(address);
      let validFrom = event.occurredAt;
      if (was && held) {
        if (held.validFrom > validFrom) validFrom = held.validFrom;
        former.push({ ...was, ...held, validUntil: validFrom, untilPosition: event.position });
      }
      if (rows.has(address)) since.set(address, { validFrom, fromPosition: event.position });
      else since.delete(address);
    }
  }
  const held = [...rows.keys()].map((address) => since.get(address)?.validFrom as Date);
  return { former: former as FormerRow<Table>[], held };
}

/** The rows that an event touches, by address, as they were before it. */
type RowsBefore = Map<string, FoldedRow | undefined>;

function apply(
  projection: Pick<Projection, 'table' | 'key'>,
  change: Change,
  rows: Map<string, FoldedRow>,
  before: RowsBefore = new Map(),
): void {
  const keep = (address: string) => {
    if (!before.has(address)) before.set(address, rows.get(address));
  };
  const put = (address: string, row: FoldedRow) => {
    keep(address);
    rows.set(address, asStored(projection, address, row));
  };
  if (change.kind === 'updateWhere') {
    for (const [address, row] of rows) {
      // As in SQL, a null equals nothing.
      const matches = change.value !== null && isDeepStrictEqual(row[change.column], change.value);
      if (matches) put(address, change.fold(row));
    }
    return;
  }
  const address = addressOf(change.key);
  const row = rows.get(address);
  if (change.kind === 'remove') {
    keep(address);
    rows.delete(address);
  } else if (change.kind === 'upsert' || change.kind === 'put') put(address, change.fold(row));
  else if (row) put(address, change.fold(row));
}

/** JSON as JSON, and the key from the address. @throws {RowColumnsError} if it has other columns than the table. */
function asStored({ table, key }: Pick<Projection, 'table' | 'key'>, address: string, row: FoldedRow): FoldedRow {
  const parts = JSON.parse(address) as unknown[];
  const keyed = { ...row, ...Object.fromEntries(key.map(({ property }, nth) => [property, parts[nth]])) };
  refuseOtherColumns(table, keyed);
  const stored: Record<string, unknown> = {};
  for (const [property, column] of Object.entries(storedColumns(table))) {
    if (isEngineColumn(property)) continue;
    const value = keyed[property];
    stored[property] = column.dataType === 'json' ? JSON.parse(JSON.stringify(value)) : value;
  }
  return deepFreeze(stored);
}

function addressOf(key: Key): string {
  return JSON.stringify(Array.isArray(key) ? key : [key]);
}
