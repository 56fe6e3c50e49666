import type { PgTable } from 'drizzle-orm/pg-core';
import { sealingOf } from '../../../src/kernel/read/tables/ensure-tables.ts';
import { ddlOf } from '../../../src/kernel/read/tables/table-ddl.ts';

/** The statements that make a read table, for tests that start no engine or look at a table before it does. */
export function createTable(table: PgTable): string {
  const ddl = ddlOf(table);
  return [ddl.create, ...ddl.indexes.map(({ create }) => create), sealingOf(ddl)].join(';\n');
}
