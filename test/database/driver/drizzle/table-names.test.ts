// Upstream: https://github.com/drizzle-team/drizzle-orm/issues/5696
import { eq, getTableColumns, getTableName } from 'drizzle-orm';
import { index, integer, PgDialect, pgTable, QueryBuilder } from 'drizzle-orm/pg-core';
import { expect, it } from 'vitest';
import { openPool } from '../../../../src/database/client.ts';
import { rename, renamed } from '../../../../src/database/driver/drizzle/table-names.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });

function declared() {
  return pgTable('counters', { id: integer('id').primaryKey(), value: integer('value').notNull() }, (table) => [
    index().on(table.value),
  ]);
}

it('queries of a renamed table use its new name, in every clause', () => {
  const table = declared();
  rename(table, 'counters_v2');
  expect(getTableName(table)).toBe('counters_v2');
  const query = new QueryBuilder().select().from(table).where(eq(table.value, 1)).orderBy(table.id).getSQL();
  const { sql } = new PgDialect().sqlToQuery(query);
  expect(sql).toBe(
    'select "id", "value" from "counters_v2" where "counters_v2"."value" = $1 order by "counters_v2"."id"',
  );
});

it('a renamed copy is written to and read like a table of its own, and leaves the table as it is', async () => {
  const table = declared();
  const copy = renamed(table, 'shadow');
  expect([getTableName(table), getTableName(copy)]).toEqual(['counters', 'shadow']);
  expect(Object.keys(getTableColumns(copy))).toEqual(['id', 'value']);
  await database.sql`create table shadow (id int primary key, value int not null)`;
  const pool = openPool({ url: database.url, connections: 1, applicationName: 'table names test' });
  try {
    await pool.db.insert(copy).values([
      { id: 1, value: 1 },
      { id: 2, value: 2 },
    ]);
    await pool.db.update(copy).set({ value: 7 }).where(eq(copy.id, 2));
    await pool.db.delete(copy).where(eq(copy.value, 1));
    expect(await pool.db.select().from(copy)).toEqual([{ id: 2, value: 7 }]);
  } finally {
    await pool.close();
  }
});
