import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const env = {
  HEADERS_TIMEOUT_MS: '500',
  REQUEST_TIMEOUT_MS: '3000',
  KEEP_ALIVE_TIMEOUT_MS: '500',
  CONNECTION_INIT_TIMEOUT_MS: '300',
  SLOW_BODIES_PER_ADDRESS: '2',
  CONNECTIONS_PER_ADDRESS: '8',
};
const app = useApp({ env, fulfils: false });

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** A connection on which a test writes what it likes, and what has come back. */
async function raw(text = '') {
  const { port, hostname } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  open.push(socket);
  const connection = { socket, answer: '', closed: false };
  socket.on('data', (chunk) => {
    connection.answer += chunk;
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    connection.closed = true;
  });
  await once(socket, 'connect');
  socket.write(text);
  return connection;
}
const statusOf = ({ answer }: { readonly answer: string }) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const POST = 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const refusals = (reason: string) =>
  app.log.map((line) => JSON.parse(line)).filter((line) => line.msg === 'refused' && line.reason === reason);

describe('a request that arrives too slowly', () => {
  it('is answered 408 and closed if its headers do not come', async () => {
    const slow = await raw('POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Sl');
    await until(() => slow.closed);
    expect(statusOf(slow)).toBe(408);
    expect(slow.answer).toMatch(/x-content-type-options: nosniff/i);
    expect(refusals('http_408').at(-1)).toMatchObject({ status: 408, address: '127.0.0.1', transport: 'connection' });
  });

  it('is answered 408 and closed if its body does not come, with its length or without', async () => {
    const slow = await Promise.all([
      raw(`${POST}Content-Length: 100\r\n\r\n{"query"`),
      raw(`${POST}Transfer-Encoding: chunked\r\n\r\n5\r\n{"que\r\n`),
    ]);
    await until(() => slow.every(({ closed }) => closed));
    expect(slow.map(statusOf)).toEqual([408, 408]);
  });

  it('is refused if its address sends others that slowly already, and requests that are not slow are served', async () => {
    const body = `${POST}Content-Length: 100\r\n\r\n{"query"`;
    const slow = [await raw(body), await raw(body), await raw(body)];
    await until(() => slow.some(({ answer }) => answer !== ''));
    expect(slow.map(statusOf).filter((status) => status === 429)).toHaveLength(1);
    expect(slow.map(({ answer }) => answer).join('')).toMatch(/retry-after: 1\r\n/i);
    expect(refusals('address_slow_bodies')).toMatchObject([{ code: 'THROTTLED', address: '127.0.0.1' }]);
    expect((await app.query('{ projections { name } }')).status).toBe(200);
    await until(() => slow.every(({ closed }) => closed));
  });
});

describe('a connection', () => {
  it('on which nothing is asked is closed', async () => {
    const idle = await raw('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => statusOf(idle) === 200);
    await until(() => idle.closed);
  });

  it('beyond those that an address may hold is closed at once, and the others go on', async () => {
    const held = await Promise.all(Array.from({ length: 12 }, () => raw('POST /graphql HTTP/1.1\r\n')));
    await until(() => held.filter(({ closed, answer }) => closed && answer === '').length >= 4);
    expect(refusals('address_connections').length).toBeGreaterThanOrEqual(4);
    await until(() => held.every(({ closed }) => closed));
    expect((await app.query('{ projections { name } }')).status).toBe(200);
  });

  it('that is no HTTP is answered 400 and leaves a line that repeats nothing of it', async () => {
    const odd = await raw('\x1b[31mnonsense\r\n\r\n');
    await until(() => odd.closed);
    expect(statusOf(odd)).toBe(400);
    expect(refusals('http_400').at(-1)).toMatchObject({ status: 400, address: '127.0.0.1' });
    expect(app.log.join('')).not.toContain('nonsense');
  });

  it('of a WebSocket that does not introduce itself is closed, so that its client may come again', async () => {
    const socket = new WebSocket(`${app.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
    const [code] = await once(socket, 'close');
    expect(code).toBe(4408);
  });
});
