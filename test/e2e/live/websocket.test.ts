import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { disposeOf, socketClient, subscribeWith } from '../../../src/testing/clients/sockets.ts';
import { openShop, placeOrder, registerCustomer } from '../../support/client/shop.ts';
import { useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

const app = useApp({
  fulfils: false,
  env: { SUBSCRIPTIONS_PER_CONNECTION: '3', MAX_BODY_BYTES: '4096', CORS_ORIGINS: 'https://shop.example' },
});

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type DialOptions = Pick<ClientOptions, 'headers'> & { path?: string; protocol?: string; init?: boolean };

/** A connection that says what it is told to. */
async function dial(options: DialOptions = {}) {
  const { path = '/graphql', protocol = 'graphql-transport-ws', init = true, ...rest } = options;
  const socket = new WebSocket(`${app.url.replace(/^http/, 'ws')}${path}`, protocol, rest);
  closers.push(() => socket.terminate());
  const received: { type: string; id?: string; payload?: unknown }[] = [];
  socket.on('message', (data) => received.push(JSON.parse(String(data))));
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
  closed.catch(() => undefined);
  await once(socket, 'open');
  const say = (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  const subscribe = (id: string, query: string, more: object = {}) =>
    say({ id, type: 'subscribe', payload: { query, ...more } });
  const answerTo = async (id: string, type: string) => {
    const isIt = (message: (typeof received)[number]) => message.id === id && message.type === type;
    await until(() => received.some(isIt));
    return received.find(isIt)?.payload;
  };
  if (init) {
    say({ type: 'connection_init' });
    await until(() => received.some(({ type }) => type === 'connection_ack'));
  }
  return { socket, received, closed, say, subscribe, answerTo };
}

/** The answer of a server that refuses the connection. */
async function refusal(options: Parameters<typeof dial>[0]): Promise<string> {
  return dial(options).then(
    () => 'taken',
    (error: Error) => error.message,
  );
}

const UPDATES = 'subscription { projectionUpdated { projection } }';

describe('a WebSocket connection', () => {
  it('refuses queries and mutations in words and stays open', async () => {
    const { subscribe, answerTo, socket } = await dial();
    subscribe('1', '{ projections { name } }');
    subscribe('2', 'mutation { cancelOrder(input: { orderId: "x", reason: "y" }) { __typename } }');
    for (const id of ['1', '2']) {
      const payload = await answerTo(id, 'error');
      expect(payload).toMatchObject([
        { message: expect.stringContaining('subscriptions only'), extensions: { code: 'BAD_USER_INPUT' } },
      ]);
    }
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it('refuses one subscription more than it holds, until one of them is ended', async () => {
    const { subscribe, answerTo, say, received } = await dial();
    for (const id of ['1', '2', '3', '4']) subscribe(id, UPDATES);
    const payload = await answerTo('4', 'error');
    expect(payload).toMatchObject([
      { message: expect.stringContaining('at most 3'), extensions: { code: 'BAD_USER_INPUT' } },
    ]);
    say({ id: '2', type: 'complete' });
    subscribe('5', UPDATES);
    const isTold = (wanted: string) => received.some(({ id, type }) => id === wanted && type === 'next');
    await until(async () => {
      await registerCustomer(app);
      return ['1', '3', '5'].every(isTold);
    });
  });

  it.each([
    ['does not parse', 'subscription {', {}],
    ['asks for what is not there', 'subscription { nothing }', {}],
    ['lacks a variable', 'subscription ($id: ID!) { orderUpdated(id: $id) { id } }', {}],
    ['names an operation that it has not', UPDATES, { operationName: 'Other' }],
  ])('answers a document that %s with a code and stays open', async (_, query, more) => {
    const { subscribe, received, socket } = await dial();
    subscribe('1', query, more);
    const errors = await until(() => {
      const message = received.find(({ id }) => id === '1');
      return message?.type === 'error' ? message.payload : (message?.payload as { errors?: unknown })?.errors;
    });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it.each([
    ['is not JSON', 'hello', 4400],
    ['is none of the protocol', { type: 'hello' }, 4400],
    ['has no query', { id: '1', type: 'subscribe', payload: {} }, 4400],
    ['introduces itself twice', { type: 'connection_init' }, 4429],
  ])('is closed by a message that %s', async (_, message, code) => {
    const { say, closed } = await dial();
    say(message);
    expect((await closed).code).toBe(code);
  });

  it('is closed by a message that is too large, and the server continues', async () => {
    const { say, closed } = await dial();
    say({ id: '1', type: 'subscribe', payload: { query: `# ${'x'.repeat(5000)}\n${UPDATES}` } });
    expect((await closed).code).toBe(1009);
    expect((await app.query('{ projections { name } }')).status).toBe(200);
  });

  it('is closed if it subscribes without having introduced itself', async () => {
    const { subscribe, closed } = await dial({ init: false });
    subscribe('1', UPDATES);
    expect((await closed).code).toBe(4401);
  });

  it('carries many subscriptions side by side, and ending one leaves the others alone', async () => {
    const shop = await openShop(app);
    const orders = await Promise.all([placeOrder(app, shop), placeOrder(app, shop), placeOrder(app, shop)]);
    const client = socketClient(app.url);
    closers.push(() => void disposeOf(client));
    const query = 'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { id } }';
    const feeds = orders.map(({ aggregateId: id, token: after }) =>
      subscribeWith<{ orderUpdated: { id: string } }>(client, query, { id, after }),
    );
    for (const [index, feed] of feeds.entries()) {
      expect((await feed.data()).orderUpdated.id).toBe(orders[index]?.aggregateId);
    }
    feeds[1]?.stop();
    for (const { aggregateId: orderId } of orders) await app.command('confirmOrder', { orderId });
    await feeds[0]?.data();
    await feeds[2]?.data();
    expect(feeds[1]?.messages).toHaveLength(1);
  });
});

describe('a request for a WebSocket', () => {
  it.each([
    ['of another path', { path: '/other' }, '404'],
    ['of a page from elsewhere', { headers: { origin: 'https://evil.example' } }, '403'],
    ['of a page from nowhere', { headers: { origin: 'null' } }, '403'],
    ['of a page whose origin is no URL', { headers: { origin: 'http://[' } }, '403'],
    ['with another subprotocol', { protocol: 'graphql-ws' }, 'no subprotocol'],
  ])('%s is answered %s', async (_, options: DialOptions, answer) => {
    expect(await refusal({ ...options, init: false })).toContain(answer);
  });

  it('of our own pages, of pages that CORS_ORIGINS names and of programs is taken', async () => {
    for (const headers of [{ origin: app.url }, { origin: 'https://shop.example' }, {}]) {
      expect((await dial({ headers })).socket.readyState).toBe(WebSocket.OPEN);
    }
  });

  it.each(['//', '/graphql?%', 'http://[', '/graphql/../..//'])(
    'for the path %s does not harm the server',
    async (path) => {
      const { hostname, port } = new URL(app.url);
      const socket = connect(Number(port), hostname);
      const headers =
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n';
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n${headers}\r\n`);
      const [answer] = await once(socket, 'data');
      expect(String(answer)).toMatch(/^HTTP\/1.1 4\d\d /);
      socket.destroy();
      expect((await app.query('{ projections { name } }')).status).toBe(200);
    },
  );

  it('that is refused does not harm the server when its client breaks off, and does not keep a connection', async () => {
    const { hostname, port } = new URL(app.url);
    for (let attempt = 0; attempt < 20; attempt++) {
      const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
      socket.write(`GET /other HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
      if (attempt % 2 === 0) {
        await once(socket, 'connect');
        socket.resetAndDestroy();
      } else {
        socket.resume();
        await once(socket, 'end');
        // The server has let go of it: what is still sent is answered with a reset.
        await until(() => socket.destroyed || !socket.write('x'.repeat(100_000)) || socket.errored);
        socket.destroy();
      }
    }
    expect((await app.query('{ projections { name } }')).status).toBe(200);
  });
});
