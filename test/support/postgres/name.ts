import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';

/** A name that leads to one of several servers, as after a failover. */
export interface Name {
  readonly url: string;
  /** From now on connections lead to this server. Those that there are end. */
  leadTo(url: string): void;
}

/** Gives the tests of a file a name for a server. */
export function useName(first: () => string): Name {
  let present: (Name & { close(): void }) | undefined;
  beforeAll(async () => {
    present = await openName(first());
  });
  afterAll(() => present?.close());
  const get = () => {
    if (!present) throw new Error('There is a name only while a test runs.');
    return present;
  };
  return {
    get url() {
      return get().url;
    },
    leadTo: (url) => get().leadTo(url),
  };
}

/** Makes a name. The caller closes it. */
export async function openName(first: string): Promise<Name & { close(): void }> {
  let target = new URL(first);
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(Number(target.port), target.hostname);
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
    client.pipe(server).pipe(client);
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  const url = new URL(first);
  url.port = String((listener.address() as AddressInfo).port);
  return {
    url: url.href,
    leadTo: (to) => {
      target = new URL(to);
      end();
    },
    close: () => {
      listener.close();
      end();
    },
  };
}
