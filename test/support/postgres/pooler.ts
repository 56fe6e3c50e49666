import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket, connect as tcpConnect } from 'node:net';
import { onTestFinished } from 'vitest';

/** How the pooler treats LISTEN: it accepts it and delivers nothing, or refuses it. */
export type Deafness = 'swallows' | 'refuses';

/** 'A', the first byte of a notification. */
const NOTIFICATION = 0x41;

/**
 * A way to the Postgres of `target` on which notifications do not arrive, as behind a pooler that gives each transaction
 * another connection. Ends with the test.
 */
export async function openPooler(target: string, deafness: Deafness): Promise<string> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = tcpConnect(Number(to.port || 5432), to.hostname);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket
        .on('error', () => {})
        .on('close', () => {
          client.destroy();
          server.destroy();
          sockets.delete(socket);
        });
    }
    client.on('data', (data: Buffer) => {
      const refused = deafness === 'refuses' && data.includes('listen "');
      // It has the same length and is no SQL.
      server.write(refused ? Buffer.from(data.toString('latin1').replace('listen "', 'lisxen "'), 'latin1') : data);
    });
    let rest: Buffer = Buffer.alloc(0);
    server.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      for (;;) {
        if (rest.length < 5) return;
        const length = 1 + rest.readInt32BE(1);
        if (rest.length < length) return;
        if (rest[0] !== NOTIFICATION) client.write(rest.subarray(0, length));
        rest = rest.subarray(length);
      }
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onTestFinished(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((listener.address() as AddressInfo).port);
  // Messages are told apart here, which encryption would hide.
  url.searchParams.set('sslmode', 'disable');
  return url.href;
}
