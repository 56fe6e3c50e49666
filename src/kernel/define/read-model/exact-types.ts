import type { PgColumn } from 'drizzle-orm/pg-core';

const EXACT_TYPES: ReadonlySet<string> = new Set(['uuid', 'text', 'integer', 'smallint', 'bigint', 'boolean']);

/**
 * True if values of the column are equal in Postgres exactly if they are equal here. UUIDs are compared in lower case.
 */
export function isComparedExactly(column: PgColumn): boolean {
  return EXACT_TYPES.has(column.getSQLType());
}
