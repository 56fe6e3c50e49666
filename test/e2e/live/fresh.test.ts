import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { caughtUp } from '../../support/client/caught-up.ts';
import { accepted, openShop, placeOrder, registerCustomer, type Shop } from '../../support/client/shop.ts';
import { useTransports, ways } from '../../support/client/transports.ts';
import { roleOf } from '../../support/postgres/roles.ts';
import { stall } from '../../support/postgres/stall.ts';
import { useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

const app = useApp({ fulfils: false });
const open = useTransports(app);
let shop: Shop;
beforeAll(async () => {
  shop = await openShop(app);
});

interface Updated {
  readonly orderUpdated: {
    readonly version: number;
    readonly customer: { readonly name: string };
    readonly items: readonly { readonly product: { readonly price: { readonly amount: number } } }[];
  };
}
const ORDER_UPDATED = /* GraphQL */ `
  subscription ($id: ID!, $after: ConsistencyToken) {
    orderUpdated(id: $id, after: $after) { version customer { name } items { product { price { amount } } } }
  }
`;
const addItem = (orderId: string) => accepted(app, 'addOrderItem', { orderId, productId: shop.productId, quantity: 1 });

describe.each(ways)('what a message leads to (%s)', (way) => {
  it('is loaded again for each message', async () => {
    const { aggregateId: customerId } = await registerCustomer(app, { name: 'Name 0' });
    const { aggregateId: id, token: after } = await placeOrder(app, { ...shop, customerId });
    const feed = open(way).subscribe<Updated>(ORDER_UPDATED, { id, after });
    expect((await feed.data()).orderUpdated.customer.name).toBe('Name 0');
    for (const n of [1, 2, 3]) {
      await accepted(app, 'renameCustomer', { customerId, name: `Name ${n}` });
      const price = { amount: 1000 + n, currency: 'GBP' };
      const { token } = await accepted(app, 'changeProductPrice', { productId: shop.productId, price });
      await caughtUp(app, token);
      await addItem(id);
      const { orderUpdated } = await feed.dataWhere(({ orderUpdated: { version } }) => version === n + 1);
      expect(orderUpdated.customer.name).toBe(`Name ${n}`);
      expect(orderUpdated.items.map((item) => item.product.price.amount)).toContain(1000 + n);
      expect(new Set(orderUpdated.items.map((item) => item.product.price.amount)).size).toBe(1);
    }
    feed.stop();
  });
});

describe('the first message after a token', () => {
  it('is as fresh in all that it leads to', async () => {
    const release = await stall(app.database, 'customers');
    const { aggregateId: customerId } = await registerCustomer(app, { name: 'Grace' });
    const { aggregateId: id, token: after } = await placeOrder(app, { ...shop, customerId });
    const feed = open('WebSocket').subscribe<Updated>(ORDER_UPDATED, { id, after });
    const { positions } = app.engine.projector;
    await positions.reached('orders', app.engine.tokens.decode(after));
    await until(() => positions.waiting === 1);
    await release();
    const { data, extensions } = await feed.next();
    expect(data?.orderUpdated.customer.name).toBe('Grace');
    expect(extensions?.consistency?.token).toBe(after);
  });
});

describe('an order that many look at', () => {
  /**
   * Counts the rows of orders that queries have looked at, in the database: a policy calls a function for each. It notifies,
   * which a read-only transaction may.
   */
  const countReads = async () => {
    const { sql } = app.database;
    const [reader, projector] = [sql(await roleOf(sql, 'reader')), sql(await roleOf(sql, 'projector'))];
    await sql`create or replace function public.count_read() returns boolean language plpgsql volatile security definer
              as $$ begin perform pg_notify('reads', gen_random_uuid()::text); return true; end $$`;
    await sql`alter table read.orders_v3 enable row level security`;
    await sql`create policy everything on read.orders_v3 to ${projector} using (true) with check (true)`;
    await sql`create policy counted on read.orders_v3 for select to ${reader} using (public.count_read())`;
    let count = 0;
    const marks = new Map<string, () => void>();
    const { unlisten } = await sql.listen('reads', (payload) => {
      const mark = marks.get(payload);
      if (mark) mark();
      else count++;
    });
    onTestFinished(unlisten);
    return async () => {
      // Notifications come in the order of the commits.
      const { promise, resolve } = Promise.withResolvers<void>();
      const mark = `mark ${marks.size}`;
      marks.set(mark, resolve);
      await sql.notify('reads', mark);
      await promise;
      return count;
    };
  };

  it('is read once for each change, however many look, and each sees its final state', async () => {
    const { aggregateId: id, token: after } = await placeOrder(app, shop);
    const transports = [open('WebSocket'), open('WebSocket')];
    const query =
      'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { version } }';
    const feeds = transports.flatMap((transport) =>
      Array.from({ length: 50 }, () => transport.subscribe<Updated>(query, { id, after })),
    );
    feeds.push(...[1, 2, 3, 4].map(() => open('SSE by POST').subscribe<Updated>(query, { id, after })));
    for (const feed of feeds) await feed.data();
    const reads = await countReads();
    const before = await reads();
    for (let version = 2; version <= 6; version++) {
      await addItem(id);
      for (const feed of feeds) await feed.dataWhere((data) => data.orderUpdated.version === version);
    }
    expect((await reads()) - before).toBe(5);
  });
});
