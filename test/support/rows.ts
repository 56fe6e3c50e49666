import type { Database } from '../../src/database/client.ts';
import type { RecordedEvent } from '../../src/kernel/define/event.ts';
import type { Projection } from '../../src/kernel/define/projection.ts';
import { storedColumns } from '../../src/kernel/define/read-table.ts';
import type { Row } from '../../src/kernel/read/slots.ts';
import { foldRows } from '../../src/kernel/testing/fold.ts';

/** A projection's rows as a query gives them, in the order of their keys and without the engine's columns. */
export async function rowsOf(db: Database, projection: Projection): Promise<Row[]> {
  const { lastPosition: _, staleSince: __, ...columns } = storedColumns(projection.table);
  const rows = await db.select(columns).from(projection.table);
  return byKey(projection, rows);
}

/** The rows that the events make, by the reference, in the order of their keys. */
export function expectedRows(projection: Projection, events: Iterable<RecordedEvent>): Row[] {
  return byKey(projection, foldRows(projection, events));
}

function byKey(projection: Projection, rows: readonly Row[]): Row[] {
  const keyOf = (row: Row) => JSON.stringify(projection.key.map(({ property }) => row[property]));
  return [...rows].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
