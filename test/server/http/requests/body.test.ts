import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Body, readBody } from '../../../../src/server/http/requests/body.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** The result of reading a body that is sent in these chunks, one packet each. */
async function bodyOf(chunks: readonly string[], maxBytes = 1_000_000): Promise<Body> {
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
  const body = readBody(request, maxBytes, () => {});
  socket.write(chunks.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`).join(''));
  socket.write('0\r\n\r\n');
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
});
