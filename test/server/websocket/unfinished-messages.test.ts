import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type UnfinishedRules, watchUnfinished } from '../../../src/server/websocket/unfinished-messages.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A frame of a client, whose mask changes nothing. */
function frame(op: number, isLast: boolean, payload: string): Buffer {
  const head = Buffer.alloc(14);
  head[0] = (isLast ? 0x80 : 0) | op;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, Buffer.from(payload)]);
}
const TEXT = 1;
const MORE = 0;
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const LARGE = 'x'.repeat(100_000);

/** A WebSocket that is watched, and the connection of its client. */
async function connected(rules: Partial<UnfinishedRules> = {}) {
  const held: string[] = [];
  const refused: unknown[] = [];
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new WebSocketServer({ noServer: true });
  const accepted = new Promise<WebSocket>((resolve) => {
    server.on('upgrade', (request, connection, head) => {
      sockets.handleUpgrade(request, connection, head, (socket) => {
        watchUnfinished(socket, connection, {
          timeoutMs: 60_000,
          hold: () => {
            held.push('held');
            return () => held.push('released');
          },
          onRefused: (error) => {
            refused.push(error);
            socket.terminate();
          },
          ...rules,
        });
        resolve(socket);
      });
    });
  });
  const client: Socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  open.push(
    () => client.destroy(),
    () => server.close(),
  );
  const key = Buffer.alloc(16).toString('base64');
  const head = [
    'GET / HTTP/1.1',
    'host: localhost',
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
  ];
  client.write(`${[...head, `sec-websocket-key: ${key}`].join('\r\n')}\r\n\r\n`);
  return { client, socket: await accepted, held, refused };
}

describe('a large message of a WebSocket', () => {
  it('holds a place from its first part to its last, however many pongs come in between', async () => {
    const { client, socket, held } = await connected();
    const ponged = once(socket, 'pong');
    client.write(Buffer.concat([frame(TEXT, false, LARGE), PONG]));
    await ponged;
    expect(held).toEqual(['held']);
    const whole = once(socket, 'message');
    client.write(frame(MORE, true, 'the end'));
    await whole;
    expect(held).toEqual(['held', 'released']);
  });

  it('gives its place back if the connection ends before it does', async () => {
    const { client, socket, held } = await connected();
    const ponged = once(socket, 'pong');
    client.write(Buffer.concat([frame(TEXT, false, LARGE), PONG]));
    await ponged;
    const closed = once(socket, 'close');
    client.destroy();
    await closed;
    expect(held).toEqual(['held', 'released']);
  });

  it('is refused if there is no place for it', async () => {
    const full = new Error('There is no room.');
    const { client, socket, refused } = await connected({
      hold: () => {
        throw full;
      },
    });
    const closed = once(socket, 'close');
    client.write(frame(TEXT, false, LARGE));
    await closed;
    expect(refused).toEqual([full]);
  });

  it('is refused if it does not arrive in time', async () => {
    const { client, socket, refused, held } = await connected({ timeoutMs: 1 });
    const closed = once(socket, 'close');
    client.write(frame(TEXT, false, LARGE));
    await closed;
    expect(refused).toEqual([undefined]);
    expect(held).toEqual(['held', 'released']);
  });

  it('holds no place if it is small, or one of many', async () => {
    const { client, socket, held } = await connected();
    let messages = 0;
    const all = new Promise<void>((resolve) => {
      socket.on('message', () => {
        if (++messages === 100) resolve();
      });
    });
    for (let nth = 0; nth < 100; nth++) client.write(frame(TEXT, true, 'x'.repeat(2000)));
    await all;
    expect(held).toEqual([]);
  });
});
