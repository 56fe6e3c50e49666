import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ArrivingBody, type Body } from '../../../../src/server/http/requests/body.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A request whose body can be sent, and the client's connection. */
async function aRequest() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket: Socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  // The server stops reading what it refuses.
  socket.on('error', () => {});
  open.push(
    () => socket.destroy(),
    () => server.close(),
  );
  const asked = once(server, 'request') as Promise<[IncomingMessage]>;
  socket.write('POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n');
  const [request] = await asked;
  return { request, socket };
}

/** Sends a body in these chunks. */
function send(socket: Socket, chunks: readonly string[]): void {
  socket.write(chunks.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`).join(''));
  socket.write('0\r\n\r\n');
}

/** The result of reading a body that is sent in these chunks. */
async function bodyOf(chunks: readonly string[], maxBytes = 1_000_000): Promise<Body> {
  const { request, socket } = await aRequest();
  const body = new ArrivingBody(request, maxBytes).read(() => {});
  send(socket, chunks);
  return body;
}

describe('the body of a request', () => {
  test('is put together from its pieces', async () => {
    const chunks = Array.from({ length: 900 }, (_, nth) => `${nth} `.repeat(1 + (nth % 70)));
    expect(String(await bodyOf(chunks))).toBe(chunks.join(''));
  });

  test('may be empty', async () => {
    expect(await bodyOf([])).toEqual(Buffer.alloc(0));
  });

  test('is refused in pieces of a byte, each of which would take a hundred bytes in memory', async () => {
    expect(await bodyOf(Array.from({ length: 2000 }, () => ' '))).toBe('too many pieces');
  });

  test('is taken however many pieces of an ordinary size it has', async () => {
    expect((await bodyOf(Array.from({ length: 5000 }, () => 'x'.repeat(100)))).length).toBe(500_000);
  });

  test('is refused beyond the bytes that are taken', async () => {
    expect(await bodyOf(['x'.repeat(60), 'x'.repeat(60)], 100)).toBe('too long');
  });

  test('is read as a whole if it has arrived, or has begun to, before it is read', async () => {
    for (const chunk of ['x'.repeat(10), 'x'.repeat(50_000)]) {
      const { request, socket } = await aRequest();
      const body = new ArrivingBody(request, 1_000_000);
      send(socket, Array(10).fill(chunk));
      await vi.waitFor(() => expect(socket.bytesWritten).toBeGreaterThan(chunk.length * 10));
      await new Promise(setImmediate);
      expect(String(await body.read(() => {}))).toBe(chunk.repeat(10));
    }
  });

  test('closes its connection if it comes in pieces of a byte before it is read', async () => {
    const { request, socket } = await aRequest();
    const body = new ArrivingBody(request, 1_000_000);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    send(socket, Array(200_000).fill(' '));
    await closed;
    expect(request.readableLength).toBeLessThan(20_000);
    expect(await body.read(() => {})).toBe('too many pieces');
  });

  test('is read no further than 64 kB, and what Node has received already, before it is read', async () => {
    const { request, socket } = await aRequest();
    const body = new ArrivingBody(request, 10_000_000);
    send(socket, Array(100).fill('x'.repeat(60_000)));
    await vi.waitFor(() => expect(request.isPaused()).toBe(true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(request.readableEnded).toBe(false);
    expect((await body.read(() => {})).length).toBe(6_000_000);
  });
});
