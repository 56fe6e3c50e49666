import { afterEach, describe, expect, it } from 'vitest';
import type { Feed } from '../../../src/testing/clients/feed.ts';
import { caughtUp } from '../../support/client/caught-up.ts';
import { accepted, openShop, placeOrder, registerCustomer } from '../../support/client/shop.ts';
import { useTransports } from '../../support/client/transports.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';

interface Updated {
  readonly orderUpdated: { readonly status: string; readonly version: number };
}
interface Moved {
  readonly projectionUpdated: {
    readonly projection: string;
    readonly keys: readonly string[] | null;
    readonly token: string;
    readonly lagMs: number;
  };
}
interface CaughtUp {
  readonly caughtUp: { readonly projection: string; readonly token: string; readonly waitedMs: number };
}
interface Listed {
  readonly live: {
    readonly orders: { readonly nodes: readonly { readonly status: string }[]; readonly totalCount: number };
  };
}
const LIVE = `subscription ($id: ID!, $after: ConsistencyToken) {
  live(after: $after, everyMs: 50) { orders(first: 9, filter: { customerId: $id }) { nodes { status } totalCount } }
}`;
const ORDER_UPDATED = `subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { status version } }`;
const MOVED = `subscription { projectionUpdated(projections: ["customers"]) { projection keys token lagMs } }`;
const CAUGHT_UP = `subscription ($token: ConsistencyToken!) { caughtUp(token: $token) { projection token waitedMs } }`;

describe.skipIf(lacks('pg_basebackup'))('a subscription on a replica', () => {
  const database = useReplicatedDatabase();
  // Nobody carries orders on, so that only the tests change them.
  const app = useApp({ database, fulfils: false, env: () => ({ READ_DATABASE_URL: database.readUrl }) });
  const open = useTransports(app);
  const { replica } = database;
  afterEach(() => replica.resume());
  const positionOf = (token: string) => app.engine.tokens.decode(token);
  const confirm = (orderId: string) => accepted(app, 'confirmOrder', { orderId });

  /** Is listening, and has told all that was before. */
  async function listening(feed: Feed<Moved>): Promise<void> {
    await until(() => app.engine.readSide.hub.size > 0);
    const { token } = await registerCustomer(app);
    await feed.dataWhere(({ projectionUpdated }) => positionOf(projectionUpdated.token) >= positionOf(token));
  }

  it('shows an order as the replica shows it, and ends on its last state', async () => {
    const { aggregateId: id, token } = await placeOrder(app, await openShop(app));
    const feed = open('WebSocket').subscribe<Updated>(ORDER_UPDATED, { id, after: token });
    expect((await feed.data()).orderUpdated).toEqual({ status: 'PLACED', version: 1 });
    await replica.pause();
    const confirmed = await confirm(id);
    await caughtUp(app, confirmed.token);
    const shipped = await accepted(app, 'shipOrder', { orderId: id, carrier: 'DHL', trackingNumber: '1' });
    await caughtUp(app, shipped.token);
    // Another one's first message stands for what is there, which is the replica's.
    const other = open('SSE by POST').subscribe<Updated>(ORDER_UPDATED, { id });
    expect((await other.data()).orderUpdated).toEqual({ status: 'PLACED', version: 1 });
    expect(feed.messages).toHaveLength(1);
    await replica.resume();
    for (const one of [feed, other]) {
      await one.dataWhere(({ orderUpdated }) => orderUpdated.status === 'SHIPPED' && orderUpdated.version === 3);
    }
  });

  it('shows a live query as the replica shows it, at the token it asks for or later, and never goes back', async () => {
    const shop = await openShop(app);
    const { aggregateId: id, token } = await placeOrder(app, shop);
    const customerId = shop.customerId;
    const feed = open('WebSocket').subscribe<Listed>(LIVE, { id: customerId, after: token });
    const shown = ({ live }: Listed) => [...live.orders.nodes.map(({ status }) => status), live.orders.totalCount];
    expect(shown(await feed.data())).toEqual(['PLACED', 1]);
    await replica.pause();
    await confirm(id);
    const { token: last } = await placeOrder(app, shop);
    await caughtUp(app, last);
    const late = open('SSE by POST').subscribe<Listed>(LIVE, { id: customerId, after: last });
    await until(() => app.engine.readSide.positions.waiting > 0);
    expect(feed.messages.map(({ data }) => data && shown(data))).toEqual([['PLACED', 1]]);
    expect(late.messages).toHaveLength(0);
    await replica.resume();
    expect(shown(await late.data())).toEqual(['PLACED', 'CONFIRMED', 2]);
    // The replica lags behind all that follows.
    await replica.delay(200);
    for (let count = 3; count <= 6; count++) await placeOrder(app, shop);
    await replica.delay(0);
    for (const [one, after] of [
      [feed, token],
      [late, last],
    ] as const) {
      await one.dataWhere(({ live }) => live.orders.totalCount === 6);
      const positions = one.messages.map(({ extensions }) => positionOf(extensions?.consistency?.token ?? ''));
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      expect(positions[0]).toBeGreaterThanOrEqual(positionOf(after));
      const counts = one.messages.map(({ data }) => data?.live.orders.totalCount ?? 0);
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    }
  });

  it('waits for the token of a command', async () => {
    const { aggregateId: id } = await placeOrder(app, await openShop(app));
    await replica.pause();
    const { token } = await confirm(id);
    const feed = open('WebSocket').subscribe<Updated>(ORDER_UPDATED, { id, after: token });
    await until(() => app.engine.readSide.positions.waiting > 0);
    await caughtUp(app, token);
    expect(feed.messages).toHaveLength(0);
    await replica.resume();
    expect((await feed.data()).orderUpdated).toEqual({ status: 'CONFIRMED', version: 2 });
  });

  it('tells that read models have caught up when the replica has', async () => {
    await replica.pause();
    const { token } = await registerCustomer(app);
    const feed = open('WebSocket').subscribe<CaughtUp>(CAUGHT_UP, { token });
    await until(() => app.engine.readSide.positions.waiting > 0);
    await caughtUp(app, token);
    expect(feed.messages).toHaveLength(0);
    await replica.resume();
    expect(await feed.end()).toEqual({ how: 'complete' });
    expect(feed.messages).toHaveLength(app.engine.readSide.positions.names.length);
  });

  it('tells which rows have changed, once that they can be read, and how long that took', async () => {
    const feed = open('WebSocket').subscribe<Moved>(MOVED);
    await listening(feed);
    await replica.pause();
    const began = performance.now();
    const customers = [await registerCustomer(app), await registerCustomer(app), await registerCustomer(app)];
    const { token } = customers[2] as (typeof customers)[0];
    await caughtUp(app, token);
    const before = feed.messages.length;
    await until(() => performance.now() - began > 300);
    expect(feed.messages).toHaveLength(before);
    await replica.resume();
    const keys = new Set<string>();
    let longest = 0;
    await feed.dataWhere(({ projectionUpdated: moved }) => {
      for (const key of moved.keys ?? []) keys.add(key);
      longest = Math.max(longest, moved.lagMs);
      return positionOf(moved.token) >= positionOf(token);
    });
    expect([...keys].toSorted()).toEqual(customers.map(({ aggregateId }) => aggregateId).toSorted());
    expect(longest).toBeGreaterThan(200);
  });

  it('reads every change that it was notified of', async () => {
    const feed = open('WebSocket').subscribe<Moved>(MOVED);
    await listening(feed);
    for (let n = 0; n < 20; n++) {
      const { aggregateId: id } = await registerCustomer(app, { name: `Ada ${n}` });
      // Without keys, any row may have changed: the replica was ahead of the news.
      await feed.dataWhere(({ projectionUpdated: { keys } }) => keys === null || (keys?.includes(id) ?? false));
      const answer = await app.query('query ($id: ID!) { customer(id: $id) { name } }', { id });
      expect(answer.data).toEqual({ customer: { name: `Ada ${n}` } });
    }
  });
});
