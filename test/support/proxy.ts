import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket, connect as tcpConnect } from 'node:net';
import { afterEach } from 'vitest';

/** A way to Postgres that can be slow or broken, at will. */
export interface PostgresProxy {
  readonly url: string;
  /** From now on Postgres' answers wait here. */
  holdAnswers(): void;
  /** Answers that waited go on, and those to come with them. */
  passAnswers(): void;
  /** The connections that there are say nothing any more, and nobody is told; later ones are as before. */
  silence(): void;
  /** Breaks all connections; what was held is lost. Later connections are as before. */
  cut(): void;
  /** From now on connections are refused, or not. */
  refuse(refused: boolean): void;
  close(): Promise<void>;
}

/** Puts proxies before the database, closed after each test. Call it before `useEngine`, whose engines end first. */
export function useProxy(database: { readonly url: string }): () => Promise<PostgresProxy> {
  const proxies: PostgresProxy[] = [];
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });
  return async () => {
    const proxy = await startProxy(database.url);
    proxies.push(proxy);
    return proxy;
  };
}

/** Stands between a client and the Postgres of `target`. */
async function startProxy(target: string): Promise<PostgresProxy> {
  const to = new URL(target);
  const pairs = new Set<readonly [client: Socket, server: Socket]>();
  let held = false;
  let refused = false;
  const listener = createServer((client) => {
    if (refused) {
      client.destroy();
      return;
    }
    const server = tcpConnect(Number(to.port || 5432), to.hostname);
    const pair = [client, server] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true);
    client.on('data', (data) => server.write(data));
    server.on('data', (data) => client.write(data));
    if (held) server.pause();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((listener.address() as AddressInfo).port);
  const cut = () => {
    for (const [client, server] of pairs) {
      client.destroy();
      server.destroy();
    }
  };
  return {
    url: url.href,
    holdAnswers: () => {
      held = true;
      for (const [, server] of pairs) server.pause();
    },
    passAnswers: () => {
      held = false;
      for (const [, server] of pairs) server.resume();
    },
    silence: () => {
      for (const [client, server] of pairs) {
        client.pause();
        server.pause();
      }
    },
    cut,
    refuse: (now) => {
      refused = now;
    },
    close: async () => {
      const closed = once(listener, 'close');
      listener.close();
      cut();
      await closed;
    },
  };
}
