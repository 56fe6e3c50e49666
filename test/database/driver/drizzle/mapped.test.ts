// Upstream: https://github.com/drizzle-team/drizzle-orm/pull/5397
import { getTableColumns, sql } from 'drizzle-orm';
import { boolean, integer, jsonb, numeric, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { expect, it, onTestFinished } from 'vitest';
import { openPool } from '../../../../src/database/client.ts';
import { mapped, rowMapper } from '../../../../src/database/driver/drizzle/mapped.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const table = pgTable('mapped', {
  id: uuid('id'),
  at: timestamp('at', { precision: 3, withTimezone: true }),
  local: timestamp('local'),
  amount: numeric('amount', { mode: 'number' }),
  count: integer('count'),
  done: boolean('done'),
  words: text('words').array(),
  value: jsonb('value'),
});

it('rows have the values that Drizzle makes of them', async () => {
  const pool = openPool({ url: database.url, connections: 1, applicationName: 'mapped test' });
  onTestFinished(() => pool.close());
  await database.sql`create table mapped (id uuid, at timestamptz(3), local timestamp, amount numeric, count int,
    done boolean, words text[], value jsonb)`;
  await database.sql`insert into mapped values
    (gen_random_uuid(), '2024-02-29 12:00:00.12Z', '2024-02-29 12:00', 1.5, 7, true, '{"a,b",null}', '{"a": [1, null]}'),
    (null, null, null, null, null, null, null, null), (null, '0044-03-15 BC', null, null, null, null, null, null)`;
  const query = pool.db
    .select(getTableColumns(table))
    .from(table)
    .where(sql`${sql.placeholder('all')}::boolean`);
  const toRow = rowMapper(getTableColumns(table));
  const read = mapped(pool.db, 'mapped_rows', query, (rows) => rows.map((values) => toRow(values)));
  const expected = await query.prepare('drizzle_rows').execute({ all: true });
  expect(expected).toHaveLength(3);
  expect(await read({ all: true })).toStrictEqual(expected);
});
