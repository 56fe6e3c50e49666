import { unsubscribe as offDiagnostic, subscribe as onDiagnostic } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Feed, type FeedMessage } from '../../../../src/testing/clients/feed.ts';
import { ADDRESS, accepted, openShop, registerProduct, type Shop } from '../../../support/client/shop.ts';
import { eventFeed, useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });
const open = useTransports(app);

/** Lines of an order, which make a message of some 100 kB. */
const LINES = 600;
/** Messages for one who reads all: far more than the buffers of all sockets on the way hold together. */
const CHANGES = 200;

interface Updated {
  readonly orderUpdated: { readonly version: number; readonly itemCount: number };
}
const LARGE = /* GraphQL */ `
  subscription ($id: ID!, $after: ConsistencyToken) {
    orderUpdated(id: $id, after: $after) {
      version itemCount
      items { quantity unitPrice { amount currency } lineTotal { amount currency } product { id sku name price { amount currency } } }
    }
  }
`;
const SMALL = `subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { version itemCount } }`;

let shop: Shop;
let productIds: string[];
beforeAll(async () => {
  shop = await openShop(app);
  const products = await Promise.all(
    Array.from({ length: LINES }, (_, n) => registerProduct(app, { sku: `SKU-${n}`, name: `Product ${n}` })),
  );
  productIds = products.map(({ aggregateId }) => aggregateId);
});

/** The server's ends of all connections. */
const serverSockets: Socket[] = [];
const remember = (message: unknown) => void serverSockets.push((message as { socket: Socket }).socket);
onDiagnostic('net.server.socket', remember);
afterAll(() => void offDiagnostic('net.server.socket', remember));
const serverEndOf = (client: Socket) => serverSockets.find(({ remotePort }) => remotePort === client.localPort);

/** A reader who can stop reading: nothing more is taken from the connection. */
interface SlowReader {
  readonly feed: Feed<Updated>;
  readonly socket: Socket;
  pause(): void;
  resume(): void;
}

async function overWebSocket(variables: object): Promise<SlowReader> {
  const webSocket = new WebSocket(`${app.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
  const feed = new Feed<Updated>(() => webSocket.terminate());
  const connection = new Promise<Socket>((resolve) => webSocket.on('upgrade', ({ socket }) => resolve(socket)));
  webSocket.on('open', () => webSocket.send(JSON.stringify({ type: 'connection_init' })));
  webSocket.on('message', (data) => {
    const { type, payload } = JSON.parse(String(data)) as { type: string; payload: FeedMessage<Updated> };
    if (type === 'next') feed.push(payload);
    if (type === 'connection_ack') {
      webSocket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: LARGE, variables } }));
    }
  });
  return { feed, socket: await connection, pause: () => webSocket.pause(), resume: () => webSocket.resume() };
}

async function overEvents(variables: object): Promise<SlowReader> {
  const feed = eventFeed<Updated>(app.url, 'POST', { query: LARGE, variables });
  const response = await feed.response;
  return { feed, socket: response.socket, pause: () => response.pause(), resume: () => response.resume() };
}

describe.each([
  ['WebSocket', overWebSocket],
  ['SSE', overEvents],
])('a client that stops reading (%s)', (_, connect) => {
  it('costs the server little, holds nobody up, and sees the final state when it reads again', async () => {
    const order = { customerId: shop.customerId, shippingAddress: ADDRESS };
    const items = productIds.map((productId) => ({ productId, quantity: 1 }));
    const { aggregateId: id, token: after } = await accepted(app, 'placeOrder', { ...order, items });
    const slow = await connect({ id, after });
    await slow.feed.data();
    const quick = open('WebSocket').subscribe<Updated>(SMALL, { id, after });
    await quick.data();

    slow.pause();
    const [productId] = productIds;
    for (let change = 1; change <= CHANGES; change++) {
      await accepted(app, 'addOrderItem', { orderId: id, productId, quantity: 1 });
      if (change % 20 === 0) await quick.dataWhere(({ orderUpdated: { version } }) => version === change + 1);
    }
    const size = JSON.stringify(slow.feed.messages[0]).length;
    expect(size).toBeGreaterThan(80_000);
    const waiting = serverEndOf(slow.socket)?.writableLength;
    // One message and what a stream holds at most, not the 20 MB that there were to say.
    expect(waiting).toBeLessThan(4 * size);
    expect(slow.feed.messages.length).toBeLessThan(10);

    slow.resume();
    const last = await slow.feed.dataWhere(({ orderUpdated: { version } }) => version === CHANGES + 1);
    expect(last.orderUpdated.itemCount).toBe(LINES + CHANGES);
    expect(slow.feed.messages.length).toBeLessThan(CHANGES);
    slow.feed.stop();
  });
});
