import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { accepted, openShop, placeOrder, registerCustomer, type Shop } from '../../../support/client/shop.ts';
import { useTransports, ways } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';
import { liveQueriesOf, scrapeOf } from './support.ts';

const QUERIES = 3;
const app = useApp({ fulfils: false, env: { LIVE_QUERIES: String(QUERIES), SUBSCRIPTION_MAX_BYTES: '262144' } });

/** No memory is held for anybody, and nobody listens. */
const nothingIsLeft = () =>
  until(async () => {
    const held = (await scrapeOf(app)).value('afterwrite_subscription_bytes');
    const { queries, subscribers } = await liveQueriesOf(app);
    return held === 0 && queries === 0 && subscribers === 0 && app.engine.readSide.hub.size === 0;
  });
// Registered first, it runs last: when all connections are closed.
afterEach(nothingIsLeft);
const open = useTransports(app);
const sockets: WebSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});

let shop: Shop;
beforeAll(async () => {
  shop = await openShop(app);
});

const CUSTOMER = `subscription ($id: ID!, $after: ConsistencyToken, $everyMs: Int) {
  live(after: $after, everyMs: $everyMs) { customer(id: $id) { name } }
}`;
interface Named {
  readonly live: { readonly customer: { readonly name: string } };
}

describe('a live query', () => {
  it.each(ways)('leaves nothing behind when its client goes away (%s)', async (way) => {
    const { aggregateId: id, token: after } = await registerCustomer(app);
    const transport = open(way);
    const feeds = [1, 2].map(() => transport.subscribe<Named>(CUSTOMER, { id, after }));
    for (const feed of feeds) await feed.data();
    feeds[0]?.stop();
    await until(async () => (await liveQueriesOf(app)).subscribers === 1);
    await accepted(app, 'renameCustomer', { customerId: id, name: 'Grace' });
    expect((await feeds[1]?.data())?.live.customer.name).toBe('Grace');
    transport.close();
    await nothingIsLeft();
  });

  it('is refused if there are as many different ones as there may be, and taken when one of them has ended', async () => {
    const transport = open('WebSocket');
    const ids = await Promise.all(Array.from({ length: QUERIES + 1 }, () => registerCustomer(app)));
    const [extra, ...others] = ids.map(({ aggregateId: id, token: after }) => ({ id, after }));
    const feeds = others.map((variables) => transport.subscribe<Named>(CUSTOMER, variables));
    for (const feed of feeds) await feed.data();
    const refused = transport.subscribe<Named>(CUSTOMER, extra);
    expect((await refused.next()).errors).toMatchObject([{ extensions: { code: 'THROTTLED', retryAfterMs: 5000 } }]);
    expect(await refused.end()).toEqual({ how: 'complete' });
    // Another subscriber of one that is there costs nothing.
    await transport.subscribe<Named>(CUSTOMER, others[0]).data();
    feeds.at(-1)?.stop();
    await until(async () => (await liveQueriesOf(app)).queries === QUERIES - 1);
    await transport.subscribe<Named>(CUSTOMER, extra).data();
  });

  it('ends with an error if its answer grows beyond what a subscription may hold', async () => {
    const { aggregateId: id, token: after } = await accepted(app, 'createNote', { title: 'Long', content: '' });
    const query = `subscription ($id: ID!, $after: ConsistencyToken) { live(after: $after) { note(id: $id) { content } } }`;
    const feed = open('SSE by POST').subscribe(query, { id, after });
    await feed.data();
    await accepted(app, 'editNote', { noteId: id, content: 'x'.repeat(80_000) });
    const { errors } = await feed.next();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0]?.message).toContain('at most 262144 bytes');
    expect(await feed.end()).toEqual({ how: 'complete' });
  });

  it('sends at most one message in the time that its subscriber asks for, and the newest', async () => {
    const { aggregateId: id, token: after } = await registerCustomer(app, { name: 'Name 0' });
    const transport = open('WebSocket');
    const [rare, often] = [1000, 50].map((everyMs) => transport.subscribe<Named>(CUSTOMER, { id, after, everyMs }));
    await rare?.data();
    const began = performance.now();
    await often?.data();
    for (let change = 1; change <= 5; change++) {
      await accepted(app, 'renameCustomer', { customerId: id, name: `Name ${change}` });
      await often?.dataWhere(({ live }) => live.customer.name === `Name ${change}`);
    }
    await rare?.dataWhere(({ live }) => live.customer.name === 'Name 5');
    const elapsed = performance.now() - began;
    expect(often?.messages).toHaveLength(6);
    expect(rare?.messages.length).toBeLessThanOrEqual(2 + elapsed / 1000);
  });

  it('keeps nothing for a client that does not read, who gets the newest answer when it reads again', async () => {
    const { aggregateId: orderId, token: after } = await placeOrder(app, shop);
    // Beside the version, enough text that the buffers on the way hold few messages.
    const padding = Array.from({ length: 25 }, (_, n) => `a${n}: shippingAddress { line1 city postalCode country }`);
    const query = `subscription ($id: ID!, $after: ConsistencyToken) {
      live(after: $after, everyMs: 50) { order(id: $id) { version ${padding.join(' ')} } }
    }`;
    const socket = new WebSocket(`${app.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
    sockets.push(socket);
    const versions: number[] = [];
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init' })));
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data));
      if (type === 'next') versions.push(payload.data.live.order.version);
      if (type !== 'connection_ack') return;
      const subscribed = { id: '1', type: 'subscribe', payload: { query, variables: { id: orderId, after } } };
      socket.send(JSON.stringify(subscribed));
    });
    await until(() => versions.length > 0);
    const before = (await scrapeOf(app)).value('afterwrite_subscription_bytes');
    socket.pause();
    const quick = open('WebSocket').subscribe<{ live: { order: { version: number } } }>(
      'subscription ($id: ID!) { live { order(id: $id) { version } } }',
      { id: orderId },
    );
    for (let version = 2; version <= 20; version++) {
      await accepted(app, 'addOrderItem', { orderId, productId: shop.productId, quantity: 1 });
      await quick.dataWhere(({ live }) => live.order.version === version);
    }
    quick.stop();
    await until(async () => (await liveQueriesOf(app)).queries === 1);
    // The version has a digit more.
    expect((await scrapeOf(app)).value('afterwrite_subscription_bytes')).toBeLessThan((before ?? 0) + 100);
    socket.resume();
    await until(() => versions.at(-1) === 20);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });
});
