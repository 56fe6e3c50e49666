import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Entrance } from '../../../src/scheduling/entrance.ts';
import { PORTION_BYTES, parseInPortions } from '../../../src/server/http/portions.ts';
import { Random, testSeed } from '../../support/random.ts';

const CHUNKED = 'POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n';
/** A byte in a chunk of its own. */
const CHUNK = '1\r\nx\r\n';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A server whose connections are parsed in portions, one caller each. */
async function served(handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const entrance = new Entrance();
  const started = createServer(handler);
  server = started;
  let connections = 0;
  started.on('connection', (socket) => parseInPortions(socket, entrance, `caller ${connections++}`));
  started.on('clientError', (_, socket) => socket.destroy());
  started.listen(0, '127.0.0.1');
  await once(started, 'listening');
  const { port } = started.address() as AddressInfo;
  const open = () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    return socket;
  };
  return { started, port, open };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

describe('what a connection receives', () => {
  it('arrives as it was sent, whatever the sizes of its bodies', async () => {
    const random = new Random(testSeed());
    const { open } = await served(async (request, response) => void response.end(await bodyOf(request)));
    const socket = open();
    for (const size of [0, 1, PORTION_BYTES - 1, PORTION_BYTES, PORTION_BYTES + 1, random.between(1, 500_000)]) {
      const body = Buffer.from(Array.from({ length: size }, () => random.between(32, 126)));
      socket.write(`POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${size}\r\n\r\n`);
      socket.write(body);
      let answer = Buffer.alloc(0);
      const end = () => answer.indexOf('\r\n0\r\n\r\n');
      while (!answer.subarray(-body.length).equals(body) && end() < 0) {
        answer = Buffer.concat([answer, (await once(socket, 'data'))[0] as Buffer]);
      }
      expect(answer.subarray(-size || answer.length).includes(body)).toBe(true);
    }
    socket.destroy();
  });

  it('is parsed a few kilobytes before a connection that was destroyed is heard', async () => {
    let parsed = 0;
    const { open } = await served((request) => {
      const push = request.push.bind(request);
      request.push = (bytes) => {
        parsed++;
        return push(bytes);
      };
      request.once('data', () => request.destroy());
    });
    const socket = open();
    const closed = once(socket, 'close');
    socket.write(CHUNKED + CHUNK.repeat(10_000));
    await closed;
    expect(parsed).toBeGreaterThan(0);
    expect(parsed).toBeLessThanOrEqual(Math.ceil(PORTION_BYTES / CHUNK.length) * 4);
  });

  it('lets others be answered while it is parsed', async () => {
    let chunks = 0;
    const { open } = await served((request, response) => {
      request.on('data', () => {
        chunks++;
      });
      if (request.method === 'GET') response.end('x');
    });
    const many = open();
    many.write(CHUNKED + CHUNK.repeat(100_000));
    while (chunks === 0) await nextTurn();
    const one = open();
    one.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(one, 'data');
    expect(chunks).toBeLessThan(50_000);
    many.destroy();
    one.destroy();
  });

  it('is kept while its request is paused, and goes on with it', async () => {
    const { open } = await served((request, response) => {
      setImmediate(async () => {
        for (let turns = 0; turns < 20; turns++) await nextTurn();
        response.end(String((await bodyOf(request)).length));
      });
    });
    const socket = open();
    const chunk = `3e8\r\n${'x'.repeat(1000)}\r\n`;
    socket.write(`${CHUNKED}${chunk.repeat(300)}0\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toContain('300000');
    socket.destroy();
  });

  it('ends with the end of the connection', async () => {
    const lengths: number[] = [];
    const { open } = await served(async (request, response) => {
      lengths.push((await bodyOf(request)).length);
      response.end();
    });
    const socket = open();
    socket.end(`POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n${'x'.repeat(100_000)}`);
    socket.resume();
    await once(socket, 'end');
    expect(lengths).toEqual([100_000]);
  });

  it('goes to a WebSocket in its order once the connection has become one', async () => {
    const { started, port } = await served(() => {});
    const sockets = new WebSocketServer({ noServer: true });
    const received: string[] = [];
    started.on('upgrade', (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('message', (message) => received.push(String(message)));
        webSocket.on('close', () => webSocket.terminate());
      }),
    );
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(client, 'open');
    const sent = Array.from({ length: 2000 }, (_, nth) => `${nth} ${'x'.repeat(nth % 100)}`);
    for (const message of sent) client.send(message);
    client.close();
    await once(client, 'close');
    expect(received).toEqual(sent);
    sockets.close();
  });

  it('arrives although its client has sent more than is kept before the upgrade is answered', async () => {
    const { started, open } = await served(() => {});
    const sent = 'x'.repeat(1_000_000);
    let received = 0;
    started.on('upgrade', async (_, socket, head) => {
      received += head.length;
      for (let turns = 0; turns < 100; turns++) await nextTurn();
      socket.on('data', (bytes: Buffer) => {
        received += bytes.length;
      });
    });
    const socket = open();
    socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n${sent}`);
    while (received < sent.length) await nextTurn();
    expect(received).toBe(sent.length);
    socket.destroy();
  });
});
