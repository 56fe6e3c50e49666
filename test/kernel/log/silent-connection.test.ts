import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AppendQueue } from '../../../src/kernel/log/append/append-queue.ts';
import { anAppend } from '../../support/appends.ts';
import { counterDomain } from '../../support/counter.ts';
import { useDatabase } from '../../support/database.ts';
import { useEngine } from '../../support/engine.ts';
import { useProxy } from '../../support/proxy.ts';

const database = useDatabase();
const openProxy = useProxy(database);
const relays: (() => void)[] = [];
afterEach(() => {
  for (const end of relays.splice(0)) end();
});
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

/** A way to Postgres whose present connections can be made to swallow everything, without an end; later ones are as before. */
async function openRelay(target: string) {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(Number(to.port), to.hostname);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
    }
    client.pipe(server);
    server.pipe(client);
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  relays.push(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = new URL(target);
  url.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url: url.href,
    swallow: () => {
      for (const socket of sockets) socket.unpipe().resume();
    },
  };
}

describe('a connection that goes silent', () => {
  it('keeps appends no longer than one attempt may take: they go by another', async () => {
    const relay = await openRelay(database.url);
    const { log } = await openEngine({ url: relay.url, writers: 2 });
    const retries: unknown[] = [];
    const queue = new AppendQueue(log, {
      limit: 10,
      batchLimit: 10,
      retryForMs: 15_000,
      attemptMs: 300,
      onCommitted: () => {},
      onRetry: (error) => retries.push(error),
    });
    await queue.append(anAppend());
    relay.swallow();
    const began = Date.now();
    expect(await queue.append(anAppend())).toMatchObject({ outcome: 'accepted', position: 2 });
    expect(Date.now() - began).toBeLessThan(5000);
    expect(retries[0]).toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('after the commit: the append is found by the next attempt, not repeated', async () => {
    const proxy = await openProxy();
    const { log } = await openEngine({ url: proxy.url, writers: 2 });
    const queue = new AppendQueue(log, {
      limit: 10,
      batchLimit: 10,
      retryForMs: 15_000,
      attemptMs: 300,
      onCommitted: () => {},
      onRetry: () => proxy.passAnswers(),
    });
    await queue.append(anAppend());
    proxy.holdAnswers();
    expect(await queue.append(anAppend())).toMatchObject({ outcome: 'accepted', position: 2 });
    expect(await log.head()).toMatchObject({ position: 2 });
  });
});
