import { createHash } from 'node:crypto';
import type { TableDdl } from './table-ddl.ts';

/** The comment of a table that is as these statements create it. Such a table is not compared again. */
export function sealOf({ create, policies, indexes }: TableDdl): string {
  const hash = createHash('sha256');
  for (const statement of [create, ...policies, ...indexes.map((index) => index.create)]) hash.update(`${statement};`);
  return `Made by Afterwrite as ${hash.digest('hex').slice(0, 32)}.`;
}

/** The statement that records in a table's comment that the table is as declared. */
export function sealing(ddl: TableDdl): string {
  return `comment on table ${ddl.table} is '${sealOf(ddl)}'`;
}

/** The statement after which the table is compared at the next start. */
export function unsealing({ table }: TableDdl): string {
  return `comment on table ${table} is null`;
}
