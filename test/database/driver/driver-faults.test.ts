import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openPool, prepared } from '../../../src/database/client.ts';
import { atEveryPoint } from '../../support/crash-points.ts';
import { useCrashProxy } from '../../support/crash-proxy.ts';
import { useDatabase } from '../../support/database.ts';

const database = useDatabase({ per: 'file' });
const openProxy = useCrashProxy();

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

  it('also inside a transaction, where a savepoint was gone back to', async () => {
    const rows = await openOne().transaction(async (tx) => {
      await expect(tx.transaction((inner) => inner.execute(failing))).rejects.toThrow();
      return tx.transaction((inner) => inner.execute(numbers));
    });
    expect([...rows]).toEqual(all);
  });
});

describe('a statement after one whose answer was torn, wherever it was', () => {
  it.each([
    ['rows', numbers],
    ['an error', failing],
  ])('of %s: has its own rows', async (_, former) => {
    const proxy = await openProxy(database);
    const db = openOne(proxy.url);
    const points = await atEveryPoint(
      [
        async (point) => {
          await proxy.arm(point);
          await db.execute(former).catch(() => undefined);
          const { hasBroken } = proxy;
          await proxy.mend();
          expect([...(await db.execute(numbers))]).toEqual(all);
          return hasBroken;
        },
      ],
      'torn',
      'connection',
    );
    expect(points).toBeGreaterThan(10);
  });

  it('fails as any other, where there is no database any more', async () => {
    const proxy = await openProxy(database);
    const db = openOne(proxy.url);
    await proxy.arm({ how: 'torn', at: 20, dies: 'process' });
    for (let n = 0; n < 10; n++) await db.execute(failing).catch(() => undefined);
    expect(proxy.hasBroken).toBe(true);
    await expect(db.execute(numbers)).rejects.toThrow();
    await expect(db.transaction((tx) => tx.execute(numbers))).rejects.toThrow();
    await proxy.mend();
    expect([...(await db.execute(numbers))]).toEqual(all);
  });
});

describe('a connection that is lost while statements are written to it', () => {
  it('comes back at once', async () => {
    const proxy = await openProxy(database);
    const db = openOne(proxy.url);
    for (let n = 0; n < 20; n++) {
      await db.execute(numbers).catch(() => undefined);
      const cut = proxy.arm({ how: 'lost', at: 1_000_000, dies: 'connection' });
      const written: Promise<unknown>[] = [];
      for (let turn = 0; turn < 8; turn++) {
        written.push(db.execute(numbers).catch(() => undefined));
        await nextTurn();
      }
      await Promise.all([cut, ...written]);
    }
    expect([...(await db.execute(numbers))]).toEqual(all);
    // The driver gives up after 10 seconds.
  }, 8000);
});
