import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';

/** The CREATE TABLE of a test's read table: columns, NOT NULL and the primary key, which is all that the engine needs. */
export function createTable(table: PgTable): string {
  const { schema, name, columns, primaryKeys } = getTableConfig(table);
  const keys = primaryKeys[0]?.columns ?? columns.filter((column) => column.primary);
  const lines = columns.map((column) => `"${column.name}" ${column.getSQLType()}${column.notNull ? ' NOT NULL' : ''}`);
  const key = `PRIMARY KEY (${keys.map((column) => `"${column.name}"`).join(', ')})`;
  return `CREATE TABLE "${schema ?? 'public'}"."${name}" (${[...lines, key].join(', ')})`;
}
