// Upstream: https://github.com/porsager/postgres/issues/1223
import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openPool } from '../../../src/database/client.ts';
import { breakAtPoints, type Scenario } from '../../support/crash/crash-points.ts';
import { useCrashProxy } from '../../support/crash/crash-proxy.ts';
import { useDatabase } from '../../support/postgres/database.ts';

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

describe('a statement after one whose answer was torn, wherever it was', () => {
  it.each([
    ['rows', numbers],
    ['an error', failing],
  ])('of %s: has its own rows', async (_, former) => {
    const proxy = await openProxy(database);
    const db = openOne(proxy.url);
    const scenario: Scenario = {
      proxy,
      run: async (point) => {
        await proxy.arm(point);
        await db.execute(former).catch(() => undefined);
        await proxy.mend();
        expect([...(await db.execute(numbers))]).toEqual(all);
      },
    };
    await breakAtPoints([scenario], 'torn', 'connection', { messages: 10, every: 1 });
  });

  it('fails as any other, if there is no database any more', async () => {
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
