import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { gatherMessages } from '../../../src/server/websocket/gather-messages.ts';

/** A socket of a server that gathers, how often it wrote to its connection, and what its client has got. */
async function open() {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  const opened = new Promise<{ socket: WebSocket; writes: () => number }>((resolve) => {
    server.on('upgrade', (request, connection: Duplex, head) => {
      sockets.handleUpgrade(request, connection, head, (socket) => {
        gatherMessages(socket, connection);
        let writes = 0;
        for (const way of ['_write', '_writev'] as const) {
          const write = connection[way]?.bind(connection) as (...words: unknown[]) => void;
          connection[way] = (...words: unknown[]) => {
            writes++;
            write(...words);
          };
        }
        resolve({ socket, writes: () => writes });
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const received: string[] = [];
  client.on('message', (data) => received.push(String(data)));
  onTestFinished(() => {
    client.terminate();
    server.close();
  });
  return { ...(await opened), received, client };
}

it('messages of one turn are one write, in their order', async () => {
  const { socket, writes, received } = await open();
  for (let n = 1; n <= 50; n++) {
    await Promise.resolve();
    socket.send(`${n}`);
  }
  await expect.poll(() => received.length).toBe(50);
  expect(received).toEqual(Array.from({ length: 50 }, (_, n) => `${n + 1}`));
  expect(writes()).toBe(1);
});

it('answers to the pings of one turn are one write', async () => {
  const { writes, client } = await open();
  let pongs = 0;
  client.on('pong', () => pongs++);
  await once(client, 'open');
  const { _socket: connection } = client as unknown as { readonly _socket: Duplex };
  connection.cork();
  for (let ping = 0; ping < 50; ping++) client.ping();
  connection.uncork();
  await expect.poll(() => pongs).toBe(50);
  expect(writes()).toBeLessThan(5);
});

it('tells the sender when a message has been written, and goes on with the next turn', async () => {
  const { socket, writes, received } = await open();
  for (const text of ['a', 'b', 'c']) await new Promise((resolve) => socket.send(text, resolve));
  await expect.poll(() => received).toEqual(['a', 'b', 'c']);
  expect(writes()).toBe(3);
});

it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('a text of %i bytes arrives as it was sent', async (bytes) => {
  const { socket, received } = await open();
  const text = 'é'.repeat(bytes / 2) + 'e'.repeat(bytes % 2);
  socket.send(text);
  socket.send('next');
  await expect.poll(() => received).toEqual([text, 'next']);
});

it('keeps the order of whole texts, of messages in parts, and of bytes', async () => {
  const { socket, received } = await open();
  socket.send('1');
  socket.send('2a', { binary: false, fin: false });
  socket.send(Buffer.from('2b'), { binary: false, fin: true });
  socket.send('3');
  socket.send(Buffer.from('4'));
  socket.send('5');
  await expect.poll(() => received).toEqual(['1', '2a2b', '3', '4', '5']);
});

it('what was sent before a close arrives before it', async () => {
  const { socket, received, client } = await open();
  socket.send('last');
  socket.close(1001, 'over');
  const [code, reason] = await once(client, 'close');
  expect([code, String(reason), received]).toEqual([1001, 'over', ['last']]);
});
