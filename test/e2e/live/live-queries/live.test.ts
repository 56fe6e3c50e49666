import { beforeAll, describe, expect, it } from 'vitest';
import type { Feed } from '../../../../src/testing/clients/feed.ts';
import { caughtUp } from '../../../support/client/caught-up.ts';
import {
  accepted,
  openShop,
  placeOrder,
  registerCustomer,
  registerProduct,
  type Shop,
} from '../../../support/client/shop.ts';
import { useTransports, ways } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';
import { executionsOf } from './support.ts';

// Nobody carries orders on, so that only the tests change them.
const app = useApp({ fulfils: false });
const open = useTransports(app);
let shop: Shop;
beforeAll(async () => {
  shop = await openShop(app);
});

interface Listed {
  readonly live: {
    readonly orders: {
      readonly edges: readonly {
        readonly node: { readonly id: string; readonly status: string; readonly customer: { readonly name: string } };
      }[];
    };
  };
}
const ORDERS = /* GraphQL */ `
  subscription Desk($customerId: ID!, $after: ConsistencyToken, $everyMs: Int) {
    live(after: $after, everyMs: $everyMs) {
      orders(first: 20, filter: { customerId: $customerId }) { edges { node { ...Line } } totalCount }
    }
  }
  fragment Line on Order { id status customer { name } }
`;
const linesOf = ({ live }: Listed) => live.orders.edges.map(({ node }) => `${node.status} ${node.customer.name}`);
const positionOf = (token: string | undefined) => app.engine.tokens.decode(token ?? '');

describe.each(ways)('live (%s)', (way) => {
  it('shows a list now, and again when a row enters it, changes, or leads to a row that changes', async () => {
    const { aggregateId: customerId, token } = await registerCustomer(app, { name: 'Ada' });
    const feed = open(way).subscribe<Listed>(ORDERS, { customerId, after: token });
    expect(linesOf(await feed.data())).toEqual([]);
    const { aggregateId: orderId } = await placeOrder(app, { ...shop, customerId });
    expect(linesOf(await feed.data())).toEqual(['PLACED Ada']);
    await accepted(app, 'confirmOrder', { orderId });
    expect(linesOf(await feed.data())).toEqual(['CONFIRMED Ada']);
    await accepted(app, 'renameCustomer', { customerId, name: 'Ada Lovelace' });
    expect(linesOf(await feed.data())).toEqual(['CONFIRMED Ada Lovelace']);
  });

  it('shows in its first message what was written before `after`', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    for (let count = 1; count <= 5; count++) {
      const { token } = await placeOrder(app, { ...shop, customerId });
      const feed = open(way).subscribe<Listed>(ORDERS, { customerId, after: token });
      const first = await feed.next();
      expect(linesOf(first.data as Listed)).toHaveLength(count);
      expect(positionOf(first.extensions?.consistency?.token)).toBeGreaterThanOrEqual(positionOf(token));
      feed.stop();
    }
  });

  it('sends large messages whole', async () => {
    // Not all of it is ASCII, and it is more than what is serialised at once.
    const content = 'weaving \u00e9\u4e16 '.repeat(9000);
    const { aggregateId: id, token: after } = await accepted(app, 'createNote', { title: 'Looms', content });
    const query =
      'subscription ($id: ID!, $after: ConsistencyToken) { live(after: $after) { note(id: $id) { title content } } }';
    const feeds = [1, 2].map(() => open(way).subscribe<{ live: { note: object } }>(query, { id, after }));
    for (const feed of feeds) expect((await feed.data()).live.note).toEqual({ title: 'Looms', content });
    await accepted(app, 'renameNote', { noteId: id, title: 'Cards' });
    for (const feed of feeds) expect((await feed.data()).live.note).toEqual({ title: 'Cards', content });
  });

  it('sends tokens that never go back, each at or past the change that its message shows', async () => {
    const { aggregateId: customerId, token } = await registerCustomer(app);
    const feed = open(way).subscribe<Listed>(ORDERS, { customerId, after: token, everyMs: 50 });
    await feed.next();
    let newest = positionOf(token);
    for (let count = 1; count <= 5; count++) {
      const placed = await placeOrder(app, { ...shop, customerId });
      const message = await feed.next();
      const position = positionOf(message.extensions?.consistency?.token);
      expect(linesOf(message.data as Listed)).toHaveLength(count);
      expect(position).toBeGreaterThanOrEqual(Math.max(newest, positionOf(placed.token)));
      newest = position;
    }
  });
});

describe('live', () => {
  it('is not executed for a change of rows that its selection does not show', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    const { aggregateId: orderId, token } = await placeOrder(app, { ...shop, customerId });
    const feed = open('WebSocket').subscribe<{ live: { order: { version: number } } }>(
      'subscription ($id: ID!, $after: ConsistencyToken) { live(after: $after) { order(id: $id) { version customer { name } } } }',
      { id: orderId, after: token },
    );
    expect((await feed.data()).live.order.version).toBe(1);
    const before = await executionsOf(app);
    await registerProduct(app);
    const other = await registerCustomer(app);
    await placeOrder(app, shop);
    await accepted(app, 'renameCustomer', { customerId: other.aggregateId, name: 'Somebody else' });
    await accepted(app, 'confirmOrder', { orderId });
    expect((await feed.data()).live.order.version).toBe(2);
    expect(await executionsOf(app)).toBe(before + 1);
  });

  it('is not executed for a change of rows that its lists cannot have', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    const { aggregateId: orderId, token } = await placeOrder(app, { ...shop, customerId });
    const feed = open('WebSocket').subscribe<Listed>(ORDERS, { customerId, after: token });
    expect(linesOf(await feed.data())).toEqual(['PLACED Ada']);
    const before = await executionsOf(app);
    await placeOrder(app, shop);
    const { token: last } = await placeOrder(app, shop);
    await caughtUp(app, last);
    await accepted(app, 'confirmOrder', { orderId });
    expect(linesOf(await feed.data())).toEqual(['CONFIRMED Ada']);
    expect(await executionsOf(app)).toBe(before + 1);
  });

  it('is executed once for all subscribers of the same query, however they write it', async () => {
    const { aggregateId: customerId, token } = await registerCustomer(app);
    const texts = [
      'subscription ($id: ID!) { live { orders(filter: { customerId: $id }) { edges { node { id } } } } }',
      `subscription Other($everyMs: Int, $id: ID!) {
        # Written differently.
        ...Live
      }
      fragment Live on Subscription { live(everyMs: $everyMs) { orders(filter: {customerId: $id}) { edges { node { id } } } } }`,
    ];
    const feeds: Feed<Listed>[] = [];
    for (const way of ['WebSocket', 'SSE by POST'] as const) {
      for (const text of texts) feeds.push(open(way).subscribe<Listed>(text, { id: customerId }));
    }
    await app.query('query ($token: ConsistencyToken!) @readAfter(token: $token) { projections { name } }', { token });
    for (const feed of feeds) expect((await feed.data()).live.orders.edges).toEqual([]);
    const before = await executionsOf(app);
    await placeOrder(app, { ...shop, customerId });
    for (const feed of feeds) expect((await feed.data()).live.orders.edges).toHaveLength(1);
    expect(await executionsOf(app)).toBe(before + 1);
  });

  it('sends no message whose answer would be the same', async () => {
    const { aggregateId: customerId, token } = await registerCustomer(app, { name: 'Ada' });
    const feed = open('WebSocket').subscribe<{ live: { customer: { name: string } } }>(
      'subscription ($id: ID!, $after: ConsistencyToken) { live(after: $after) { customer(id: $id) { name } } }',
      { id: customerId, after: token },
    );
    await feed.data();
    const before = await executionsOf(app);
    await accepted(app, 'renameCustomer', { customerId, name: 'Ada' });
    await accepted(app, 'renameCustomer', { customerId, name: 'Grace' });
    expect((await feed.data()).live.customer.name).toBe('Grace');
    expect(feed.messages.map(({ data }) => data?.live.customer.name)).toEqual(['Ada', 'Grace']);
    expect(await executionsOf(app)).toBeGreaterThan(before);
  });

  it.each([49, 0, -1, 3_600_001])('refuses everyMs: %i', async (everyMs) => {
    const feed = open('WebSocket').subscribe(
      'subscription ($everyMs: Int) { live(everyMs: $everyMs) { projections { name } } }',
      {
        everyMs,
      },
    );
    expect((await feed.next()).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(await feed.end()).toEqual({ how: 'complete' });
  });

  it('refuses introspection, which never changes', async () => {
    const feed = open('SSE by POST').subscribe(
      'subscription { live { ...Names } } fragment Names on Query { __schema { types { name } } }',
    );
    expect((await feed.next()).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('refuses a token that this store has never given out', async () => {
    const token = app.engine.tokens.encode(1_000_000_000);
    const feed = open('WebSocket').subscribe(
      'subscription ($after: ConsistencyToken) { live(after: $after) { projections { name } } }',
      {
        after: token,
      },
    );
    expect((await feed.next()).errors).toMatchObject([{ extensions: { code: 'TOKEN_AHEAD' } }]);
  });

  it('sends fields that fail as errors beside the data of the others, and goes on', async () => {
    const { aggregateId: customerId, token } = await registerCustomer(app, { name: 'Ada' });
    const feed = open('WebSocket').subscribe<{ now: { customer: { name: string }; order: null } }>(
      `subscription ($id: ID!, $after: ConsistencyToken) {
        now: live(after: $after) { customer(id: $id) { name } order(id: "not-an-id") { id } }
      }`,
      { id: customerId, after: token },
    );
    const expected = [{ path: ['now', 'order'], extensions: { code: 'BAD_USER_INPUT' } }];
    expect(await feed.next()).toMatchObject({
      data: { now: { customer: { name: 'Ada' }, order: null } },
      errors: expected,
    });
    await accepted(app, 'renameCustomer', { customerId, name: 'Grace' });
    expect(await feed.next()).toMatchObject({ data: { now: { customer: { name: 'Grace' } } }, errors: expected });
  });

  it('follows fields that no read model announces', async () => {
    const feed = open('WebSocket').subscribe<{ live: { projections: { name: string; position: number }[] } }>(
      'subscription { live { projections { name position } } }',
    );
    const ordersAt = async () =>
      (await feed.data()).live.projections.find(({ name }) => name === 'orders')?.position ?? 0;
    await ordersAt();
    const { token } = await placeOrder(app, shop);
    for (let at = 0; at < positionOf(token); ) at = await ordersAt();
  });
});
