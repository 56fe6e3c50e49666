import { getTableColumns } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { renamed } from '../../../src/database/driver/drizzle/table-names.ts';
import { checkpointId } from '../../../src/kernel/define/checkpoint-id.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { assignTable, declaredName } from '../../../src/kernel/define/read-model/versioned-table.ts';

/** The same read model as code with another version number declares it: with a table and a checkpoint of its own. */
export function atVersion(projection: Projection, version: number): Projection {
  const { name, key } = projection;
  const copyOf = <Table extends PgTable>(table: Table): Table => {
    const copy = renamed(table, declaredName(table));
    assignTable(copy, { name, version });
    return copy;
  };
  const table = copyOf(projection.table);
  const columns = getTableColumns(table);
  return {
    ...projection,
    version,
    checkpoint: checkpointId('projection', name, version),
    table,
    history: projection.history && copyOf(projection.history),
    key: key.map(({ property, column }) => ({ property, column: columns[property] ?? column })),
  };
}
