// Upstream: https://github.com/porsager/postgres/issues/486
// Upstream: https://github.com/drizzle-team/drizzle-orm/issues/5789
import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });

function openOne() {
  const pool = openPool({ url: database.url, connections: 1, applicationName: 'values test' });
  onTestFinished(() => pool.close());
  return pool.db;
}

it('a bigint arrives as a number', async () => {
  expect(await openOne().execute(sql`select 9007199254740991::bigint as n`)).toEqual([{ n: 9_007_199_254_740_991 }]);
});

it('instants and JSON are read and written alike inside and outside of a transaction', async () => {
  const db = openOne();
  const json = JSON.stringify({ a: [1] });
  const values = sql`select '2026-01-02T03:04:05.678Z'::timestamptz as at, ${json}::jsonb as json, 7::bigint as n`;
  const outside = await db.execute(values);
  expect(outside).toEqual([{ at: '2026-01-02 03:04:05.678+00', json: { a: [1] }, n: 7 }]);
  expect(await db.transaction((tx) => tx.execute(values))).toEqual([...outside]);
});
