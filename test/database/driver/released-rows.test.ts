// No upstream issue is known.
import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { prepared } from '../../../src/database/driver/drizzle/prepared.ts';
import { releasedRows } from '../../../src/database/driver/released-rows.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'file' });

it('the array in which the driver collects a large result does not keep its rows', () => {
  const result = Array.from({ length: 1000 }, (_, n) => ({ n }));
  const expected = [...result];
  expect(releasedRows(result)).toEqual(expected);
  expect(result).toEqual([]);
});

it('a prepared statement has its rows in an array that is not the one of the driver, if they are many', async () => {
  const { db, close } = openPool({ url: database.url, connections: 1, applicationName: 'afterwrite test' });
  onTestFinished(() => close());
  const numbers = prepared<{ n: number }>(
    db,
    'many_numbers',
    sql`select n::int from generate_series(1, ${sql.placeholder('count')}::text::int) n`,
  );
  const rows = await numbers({ count: 1000 });
  expect(Object.getPrototypeOf(rows)).toBe(Array.prototype);
  expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 1000 }, (_, n) => n + 1));
});
