import { getTableName } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { checkpointId } from '../../../src/kernel/define/checkpoint-id.ts';
import { ownerOf } from '../../../src/kernel/define/read-model/versioned-table.ts';
import { ddlOf } from '../../../src/kernel/read/tables/table-ddl.ts';
import { sealing } from '../../../src/kernel/read/tables/table-seal.ts';
import { testTenant } from '../kernel/as-tenant.ts';

/** The statements that make a read table, for tests that start no engine or look at a table before it does. */
export function createTable(table: PgTable): string {
  const ddl = ddlOf(table, { hasTenants: testTenant !== undefined });
  const indexes = ddl.indexes.map(({ create }) => create);
  return [ddl.create, ...ddl.policies, ...indexes, sealing(ddl), noting(table)].join(';\n');
}

/** Says that a table belongs to the version of a read model that declares it, as the engine does. */
function noting(table: PgTable): string {
  const owner = ownerOf(table);
  if (!owner) return '';
  const { name, version } = owner;
  return noteTable(getTableName(table), name, version);
}

/** The statement with which the engine takes a table for that of a version of a read model. */
export function noteTable(table: string, name: string, version = 1): string {
  const { key } = checkpointId('projection', name, version);
  return `insert into read.read_models (key, name, version, tables) values ('${key}', '${name}', ${version}, '{${table}}')
    on conflict (key) do update set tables = read_models.tables || excluded.tables`;
}
