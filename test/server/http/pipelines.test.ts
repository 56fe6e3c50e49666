import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { closeServer, listen, type RequestHandler, urlOf } from '../../../src/server/http/http.ts';

const TIMES = { headersTimeoutMs: 10_000, requestTimeoutMs: 10_000, keepAliveTimeoutMs: 10_000, maxConnections: 10 };
const REQUEST = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';

let server: Server | undefined;
afterEach(async () => {
  if (server) await closeServer(server);
  server = undefined;
});

async function connected(handler: RequestHandler) {
  server = await listen('127.0.0.1', 0, TIMES, handler);
  const socket = connect(Number(new URL(urlOf(server)).port), '127.0.0.1');
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  return { socket, answers: () => text.split('HTTP/1.1 200').length - 1 };
}

describe('a connection whose client does not wait for answers', () => {
  it('is answered some requests at a time, in as many turns as it likes', async () => {
    const { socket, answers } = await connected((_, response) => void response.end('x'));
    for (let turn = 1; turn <= 5; turn++) {
      socket.write(REQUEST.repeat(10));
      while (answers() < 10 * turn) await once(socket, 'data');
    }
    socket.destroy();
  });

  it('is closed with hundreds of requests at once, of which few are begun', async () => {
    let begun = 0;
    const { socket } = await connected(() => void begun++);
    const closed = once(socket, 'close');
    socket.write(REQUEST.repeat(500));
    await closed;
    expect(begun).toBe(16);
  });
});
