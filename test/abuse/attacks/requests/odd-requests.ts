import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Attack } from '../../attack.ts';

const CONNECTIONS = 2_000;
const HEAD = 'POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';

const small = JSON.stringify({ query: '{ __typename }' });
/** 2 kB that become 2 MB. */
const bomb = gzipSync(JSON.stringify({ query: '{ __typename }', variables: { x: 'x'.repeat(2_000_000) } }));

/** The requests of each connection, with another address in the headers each time. */
const requests: readonly ((address: string) => Buffer)[] = [
  // Many requests at once, none of which waits for an answer.
  (address) =>
    Buffer.from(`${HEAD}X-Forwarded-For: ${address}\r\nContent-Length: ${small.length}\r\n\r\n${small}`.repeat(200)),
  (address) =>
    Buffer.from(
      `${HEAD}X-Forwarded-For: ${address}\r\n${Array.from({ length: 1_900 }, (_, n) => `X-${n}: y\r\n`).join('')}Content-Length: ${small.length}\r\n\r\n${small}`,
    ),
  // The body is promised, and never comes.
  () => Buffer.from(`${HEAD}Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n`),
  (address) =>
    Buffer.concat([
      Buffer.from(
        `${HEAD}X-Forwarded-For: ${address}\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
      ),
      bomb,
    ]),
  // Two lengths.
  () => Buffer.from(`${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n`),
];

export const oddRequests: Attack = {
  name: 'odd-requests',
  description: `opens ${CONNECTIONS.toLocaleString('en')} connections for pipelined, compressed, unfinished or malformed requests with forged addresses`,
  run: async (attacker) => {
    await attacker.repeat(64, CONNECTIONS, async (nth) => {
      const request = requests[nth % requests.length]?.(`198.51.${nth >> 8}.${nth & 255}`) as Buffer;
      const socket = attacker.connect();
      socket.write(request);
      attacker.count(await firstStatus(socket, attacker.signal));
      socket.destroy();
    });
  },
};

/** The status of the first answer, or that there was none within a second. */
function firstStatus(socket: Socket, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(/^HTTP\/1.1 (\d+)/.exec(String(data))?.[1] ?? 'noise'));
    socket.once('close', () => resolve('closed'));
    socket.setTimeout(1_000, () => resolve('no answer'));
    signal.addEventListener('abort', () => resolve('no answer'), { once: true });
  });
}
