// Upstream: https://github.com/porsager/postgres/issues/1119
// Upstream: https://github.com/porsager/postgres/issues/1181
import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openPool } from '../../../src/database/client.ts';
import { prepared } from '../../../src/database/driver/drizzle/prepared.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'file' });

function openOne(url = database.url): Database {
  const { db, close } = openPool({ url, connections: 1, applicationName: 'afterwrite test' });
  onTestFinished(() => close());
  return db;
}

const numbers = sql`select n::int from generate_series(1, 3) n`;
/** Answers two rows and then fails. */
const failing = sql`select 1 / (3 - n) from generate_series(1, 5) n`;
const all = [{ n: 1 }, { n: 2 }, { n: 3 }];

describe('a statement after one that broke off in the midst of its rows', () => {
  it('has its own rows and nothing else', async () => {
    const db = openOne();
    await expect(db.execute(failing)).rejects.toThrow();
    expect([...(await db.execute(numbers))]).toEqual(all);
  });

  it('also where it was prepared and on its way already', async () => {
    const db = openOne();
    const [fail, read] = [prepared(db, 'failing', failing), prepared<{ n: number }>(db, 'numbers', numbers)];
    await read({});
    const [failed, rows] = await Promise.allSettled([fail({}), read({})]);
    expect(failed.status).toBe('rejected');
    expect(rows.status === 'fulfilled' && [...rows.value]).toEqual(all);
  });

  it('also inside a transaction, if a savepoint was gone back to', async () => {
    const rows = await openOne().transaction(async (tx) => {
      await expect(tx.transaction((inner) => inner.execute(failing))).rejects.toThrow();
      return tx.transaction((inner) => inner.execute(numbers));
    });
    expect([...rows]).toEqual(all);
  });
});
