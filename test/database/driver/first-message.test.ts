// Upstream: https://github.com/porsager/postgres/pull/1215
// Upstream: https://github.com/porsager/postgres/issues/1208
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openPool } from '../../../src/database/client.ts';
import { useCrashProxy } from '../../support/crash/crash-proxy.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'file' });
const openProxy = useCrashProxy();

function openOne(url = database.url): Database {
  const { db, close } = openPool({ url, connections: 1, applicationName: 'afterwrite test' });
  onTestFinished(() => close());
  return db;
}

/** The sockets that this process opens from now on. */
function openedSockets(): readonly Socket[] {
  const sockets: Socket[] = [];
  const onSocket = (message: unknown) => void sockets.push((message as { readonly socket: Socket }).socket);
  subscribe('net.client.socket', onSocket);
  onTestFinished(() => void unsubscribe('net.client.socket', onSocket));
  return sockets;
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

  it('leaves nothing of them to the next connection', async () => {
    const sockets = openedSockets();
    const db = openOne();
    await db.execute(numbers);
    expect(sockets).toHaveLength(1);
    // In this part of the loop's turn: the socket closes before the driver writes what it has been given.
    await nextTurn();
    sockets[0]?.destroy();
    await expect(db.execute(numbers)).rejects.toThrow();
    expect([...(await db.execute(numbers))]).toEqual(all);
    expect(sockets).toHaveLength(2);
  });
});
