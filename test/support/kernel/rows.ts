import { alias } from 'drizzle-orm/pg-core';
import type { Database } from '../../../src/database/client.ts';
import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { isEngineColumn, storedColumns } from '../../../src/kernel/define/read-model/read-table.ts';
import { formerColumns } from '../../../src/kernel/read/fold/former-value.ts';
import type { RowValues } from '../../../src/kernel/read/fold/working-rows.ts';
import { foldHistory, foldRows } from '../../../src/kernel/testing/fold.ts';

/** A projection's rows as a query gives them, in the order of their keys and without the engine's columns. */
export async function rowsOf(db: Database, projection: Projection): Promise<RowValues[]> {
  const columns = withoutEngineColumns(projection);
  const rows = await db.select(columns).from(projection.table);
  return byKey(projection, rows);
}

function withoutEngineColumns({ table }: Projection) {
  return Object.fromEntries(Object.entries(storedColumns(table)).filter(([property]) => !isEngineColumn(property)));
}

/** The rows that the events make, by the reference, in the order of their keys. */
export function expectedRows(projection: Projection, events: Iterable<RecordedEvent>): RowValues[] {
  return byKey(projection, foldRows(projection, events));
}

/** The former versions that a projection has kept, and since when its rows are as they are. */
export async function historyOf(db: Database, projection: Projection) {
  const { key, table, history } = projection;
  if (!history) throw new Error('It keeps no history.');
  const columns = storedColumns(table);
  const properties = [...key.map(({ property }) => property), 'validFrom'];
  const held = await db.select(Object.fromEntries(properties.map((name) => [name, columns[name]!]))).from(table);
  return {
    former: sorted(await db.select(formerColumns(projection, 'former')).from(alias(history, 'former'))),
    held: sorted(held),
  };
}

/** The same, by the reference. */
export function expectedHistory(projection: Projection, events: readonly RecordedEvent[]) {
  const { former, held } = foldHistory(projection, events);
  const rows = foldRows(projection, events) as RowValues[];
  const keys = rows.map((row, nth) => ({
    ...Object.fromEntries(projection.key.map(({ property }) => [property, row[property]])),
    validFrom: held[nth],
  }));
  return { former: sorted(former), held: sorted(keys) };
}

function sorted(rows: readonly RowValues[]): RowValues[] {
  return inOrderOf(rows, (row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function byKey(projection: Projection, rows: readonly RowValues[]): RowValues[] {
  return inOrderOf(rows, (row) => JSON.stringify(projection.key.map(({ property }) => row[property])));
}

/** Each text is made once: many tests compare thousands of rows after each of many faults. */
function inOrderOf(rows: readonly RowValues[], textOf: (row: RowValues) => string): RowValues[] {
  return rows
    .map((row) => ({ row, text: textOf(row) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ row }) => row);
}
