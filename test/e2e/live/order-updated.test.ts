import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { accepted, openShop, placeOrder, type Shop, unknownId } from '../../support/client/shop.ts';
import { useTransports, ways } from '../../support/client/transports.ts';
import { useApp } from '../../support/server/app.ts';

// Nobody carries orders on: a confirmed order takes no more items.
const app = useApp({ fulfils: false });
const open = useTransports(app);
let shop: Shop;
beforeAll(async () => {
  shop = await openShop(app);
});

interface Updated {
  readonly orderUpdated: {
    readonly id: string;
    readonly status: string;
    readonly version: number;
    readonly itemCount: number;
  };
}
const ORDER_UPDATED = /* GraphQL */ `
  subscription ($id: ID!, $after: ConsistencyToken) {
    orderUpdated(id: $id, after: $after) { id status version itemCount }
  }
`;
const confirm = (orderId: string) => accepted(app, 'confirmOrder', { orderId });
const addItem = (orderId: string) => accepted(app, 'addOrderItem', { orderId, productId: shop.productId, quantity: 1 });

describe.each(ways)('orderUpdated (%s)', (way) => {
  it('shows the order now, and again each time it changes', async () => {
    const { aggregateId: id, token } = await placeOrder(app, shop);
    const feed = open(way).subscribe<Updated>(ORDER_UPDATED, { id, after: token });
    expect(await feed.data()).toEqual({ orderUpdated: { id, status: 'PLACED', version: 1, itemCount: 2 } });
    await addItem(id);
    expect((await feed.data()).orderUpdated).toMatchObject({ version: 2, itemCount: 3 });
    await confirm(id);
    expect((await feed.data()).orderUpdated).toMatchObject({ status: 'CONFIRMED', version: 3 });
  });

  it('waits for the token of a command and shows what the command did', async () => {
    const { aggregateId: id } = await placeOrder(app, shop);
    for (let version = 2; version < 30; version++) {
      const { token } = await addItem(id);
      const feed = open(way).subscribe<Updated>(ORDER_UPDATED, { id, after: token });
      expect((await feed.data()).orderUpdated.version).toBe(version);
      feed.stop();
    }
  });

  it('finds an order that was placed a moment ago, whatever the case of its id', async () => {
    const { aggregateId: id, token } = await placeOrder(app, shop);
    const feed = open(way).subscribe<Updated>(ORDER_UPDATED, { id: id.toUpperCase(), after: token });
    expect((await feed.data()).orderUpdated.id).toBe(id);
    await confirm(id);
    expect((await feed.data()).orderUpdated.status).toBe('CONFIRMED');
  });

  it('says how fresh each message is at least', async () => {
    const { aggregateId: id, token } = await placeOrder(app, shop);
    const feed = open(way).subscribe<Updated>(ORDER_UPDATED, { id, after: token });
    const first = await feed.next();
    expect(first.extensions?.consistency?.stale).toBe(false);
    const { tokens } = app.engine;
    const freshness = (message: typeof first) => tokens.decode(message.extensions?.consistency?.token ?? '');
    expect(freshness(first)).toBeGreaterThanOrEqual(tokens.decode(token));
    const { token: later } = await confirm(id);
    expect(freshness(await feed.next())).toBeGreaterThanOrEqual(tokens.decode(later));
  });

  it('answers an unknown id with one error that has a code, and the connection lives on', async () => {
    const transport = open(way);
    const unknown = transport.subscribe(ORDER_UPDATED, { id: unknownId() });
    expect((await unknown.next()).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(await unknown.end()).toEqual({ how: 'complete' });
    expect(unknown.messages).toHaveLength(1);
    const { aggregateId: id, token } = await placeOrder(app, shop);
    expect(await transport.subscribe<Updated>(ORDER_UPDATED, { id, after: token }).data()).toBeTruthy();
  });

  it.each([
    ['an id that is none', { id: 'seven' }, 'BAD_USER_INPUT'],
    ['something that is no token', { id: randomUUID(), after: 'none' }, 'INVALID_TOKEN'],
  ])('answers %s with one error that has a code', async (_, variables, code) => {
    const feed = open(way).subscribe(ORDER_UPDATED, variables);
    expect((await feed.next()).errors).toMatchObject([{ extensions: { code } }]);
  });

  it('shows each subscriber the final state, whatever happens while they subscribe', async () => {
    const transport = open(way);
    for (let round = 0; round < 15; round++) {
      const { aggregateId: id, token } = await placeOrder(app, shop);
      const writing = Promise.all([addItem(id), addItem(id), addItem(id)]);
      const feed = transport.subscribe<Updated>(ORDER_UPDATED, { id, after: token });
      await writing;
      await confirm(id);
      const { orderUpdated } = await feed.dataWhere(({ orderUpdated: { version } }) => version === 5);
      expect(orderUpdated).toEqual({ id, status: 'CONFIRMED', version: 5, itemCount: 5 });
      const versions = feed.messages.map(({ data }) => data?.orderUpdated.version ?? 0);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
      feed.stop();
    }
  });

  it('shows a client that comes again with its first variables the present state first', async () => {
    const { aggregateId: id, token: after } = await placeOrder(app, shop);
    const first = open(way).subscribe<Updated>(ORDER_UPDATED, { id, after });
    await first.data();
    first.stop();
    await addItem(id);
    const { token } = await confirm(id);
    await app.query(`query ($token: ConsistencyToken!) @readAfter(token: $token) { order(id: "${id}") { id } }`, {
      token,
    });
    const second = open(way).subscribe<Updated>(ORDER_UPDATED, { id, after });
    expect((await second.data()).orderUpdated).toMatchObject({ status: 'CONFIRMED', version: 3 });
  });
});

describe('between a query and a subscription', () => {
  it('misses nothing when it subscribes after the token of what it has read', async () => {
    const { aggregateId: id, token } = await placeOrder(app, shop);
    const query = `query ($token: ConsistencyToken!) @readAfter(token: $token) { order(id: "${id}") { version } }`;
    const transport = open('WebSocket');
    let last = 1;
    for (let round = 0; round < 40; round++) {
      const adding = Promise.all([addItem(id), addItem(id)]);
      const { data, consistency } = await app.query<{ order: { version: number } }>(query, { token });
      const feed = transport.subscribe<Updated>(ORDER_UPDATED, { id, after: consistency.token });
      const first = (await feed.data()).orderUpdated.version;
      expect(first).toBeGreaterThanOrEqual(data.order.version);
      last += 2;
      await adding;
      if (first < last) await feed.dataWhere(({ orderUpdated: { version } }) => version === last);
      feed.stop();
    }
  });
});
