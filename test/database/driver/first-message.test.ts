import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openPool } from '../../../src/database/client.ts';
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
const all = [{ n: 1 }, { n: 2 }, { n: 3 }];

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
