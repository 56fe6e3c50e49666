import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { caughtUp } from '../../../support/client/caught-up.ts';
import { openShop, placeOrder } from '../../../support/client/shop.ts';
import { eventFeed, useTransports, ways } from '../../../support/client/transports.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ fulfils: false });
const open = useTransports(app);

const ORDER_UPDATED =
  'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { id } }';
const UPDATES = 'subscription { projectionUpdated { projection } }';
const CAUGHT_UP =
  'subscription ($token: ConsistencyToken!) { caughtUp(token: $token, projections: ["orders"]) { projection } }';

const { names, hub, waiting } = {
  names: () => app.engine.projector.positions.names.length,
  hub: () => app.engine.projector.hub.size,
  waiting: () => app.engine.projector.positions.waiting,
};
/** Nobody listens, looks at a row or waits any more. */
const nothingIsLeft = () => until(() => hub() === 0 && waiting() === 0);
afterEach(nothingIsLeft);

const sockets: WebSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});

/** A connection with these subscriptions, by hand, so that it can be broken off in every way. */
async function connected(...subscriptions: { query: string; variables?: object }[]): Promise<WebSocket> {
  const socket = new WebSocket(`${app.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
  sockets.push(socket);
  socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init' })));
  socket.on('message', (data) => {
    if (!String(data).includes('connection_ack')) return;
    for (const [id, payload] of subscriptions.entries()) {
      socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload }));
    }
  });
  return socket;
}

describe('a WebSocket client that goes away', () => {
  it.each([
    ['closes its connection', (socket: WebSocket) => socket.close()],
    ['is cut off', (socket: WebSocket) => socket.terminate()],
  ])('by which its connection %s leaves nothing behind', async (_, leave) => {
    const { aggregateId: id, token: before } = await placeOrder(app, await openShop(app));
    await caughtUp(app, before);
    const release = await stall(app.database, 'orders');
    const { token } = await placeOrder(app, await openShop(app));
    const socket = await connected(
      { query: UPDATES },
      { query: ORDER_UPDATED, variables: { id } },
      { query: ORDER_UPDATED, variables: { id, after: token } },
      { query: CAUGHT_UP, variables: { token } },
    );
    await until(() => hub() === names() + 1 && waiting() === 2);
    leave(socket);
    await nothingIsLeft();
    await release();
  });

  it('leaves nothing behind when it ends its subscriptions one by one', async () => {
    const { aggregateId: id, token: after } = await placeOrder(app, await openShop(app));
    const transport = open('WebSocket');
    const orders = transport.subscribe(ORDER_UPDATED, { id, after });
    const updates = transport.subscribe(UPDATES);
    await orders.next();
    await until(() => hub() === names() + 1);
    orders.stop();
    await until(() => hub() === names());
    updates.stop();
    await nothingIsLeft();
  });
});

describe('an SSE client that goes away', () => {
  it.each(['POST', 'GET'] as const)('leaves nothing behind, wherever its subscription is (%s)', async (method) => {
    const { aggregateId: id, token: before } = await placeOrder(app, await openShop(app));
    await caughtUp(app, before);
    const release = await stall(app.database, 'orders');
    const { token } = await placeOrder(app, await openShop(app));
    const feeds = [
      eventFeed(app.url, method, { query: UPDATES }),
      eventFeed(app.url, method, { query: ORDER_UPDATED, variables: { id } }),
      eventFeed(app.url, method, { query: ORDER_UPDATED, variables: { id, after: token } }),
      eventFeed(app.url, method, { query: CAUGHT_UP, variables: { token } }),
    ];
    await until(() => hub() === names() + 1 && waiting() === 2);
    for (const feed of feeds) feed.stop();
    await nothingIsLeft();
    await release();
  });

  it('leaves nothing behind when it goes before it is answered', async () => {
    const { aggregateId: id, token: after } = await placeOrder(app, await openShop(app));
    const feeds = Array.from({ length: 30 }, () =>
      eventFeed(app.url, 'POST', { query: ORDER_UPDATED, variables: { id, after } }),
    );
    for (const [index, feed] of feeds.entries()) {
      if (index % 3 !== 0) await Promise.race([feed.response, new Promise((resolve) => setImmediate(resolve))]);
      feed.stop();
    }
    await nothingIsLeft();
  });
});

describe.each(ways)('a subscription that ends by itself (%s)', (way) => {
  it('leaves nothing behind', async () => {
    const { token } = await placeOrder(app, await openShop(app));
    const feed = open(way).subscribe(CAUGHT_UP, { token });
    expect(await feed.end()).toEqual({ how: 'complete' });
    const refused = open(way).subscribe(ORDER_UPDATED, { id: '00000000-0000-0000-0000-000000000000' });
    expect(await refused.end()).toEqual({ how: 'complete' });
    await nothingIsLeft();
  });
});
