import { beforeAll, describe, expect, it } from 'vitest';
import type { FeedMessage } from '../../../../src/testing/clients/feed.ts';
import { caughtUp } from '../../../support/client/caught-up.ts';
import { openShop, placeOrder, registerCustomer, registerProduct, type Shop } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { roleOf } from '../../../support/postgres/roles.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({
  env: {
    ...WITH_AUTH,
    GRAPHQL_MAX_DEPTH: '4',
    GRAPHQL_MAX_ALIASES: '2',
    GRAPHQL_MAX_TOKENS: '100',
    GRAPHQL_MAX_COST: '150',
  },
});
const open = useTransports(app);

let staff: string;
let shop: Shop;
let orderId: string;
beforeAll(async () => {
  staff = await staffToken();
  shop = await openShop(app, { token: staff });
  const order = await placeOrder(app, shop, {}, { token: staff });
  orderId = order.aggregateId;
  await caughtUp(app, order.token);
});

/** The first answer about an order: of a query over HTTP, otherwise of a subscription. */
type Ask = (fields: string, token?: string) => Promise<FeedMessage>;
const asks: Record<string, Ask> = {
  HTTP: (fields, token) =>
    app.query(`query ($id: ID!) { order(id: $id) { ${fields} } }`, { id: orderId }, { token }) as Promise<FeedMessage>,
  SSE: (fields, token) => live('SSE by POST', fields, token),
  'SSE by GET': (fields, token) => live('SSE by GET', fields, token),
  WebSocket: (fields, token) => live('WebSocket', fields, token),
};
const live = (way: 'SSE by POST' | 'SSE by GET' | 'WebSocket', fields: string, token: string | undefined) =>
  open(way, { token })
    .subscribe(`subscription ($id: ID!) { orderUpdated(id: $id) { ${fields} } }`, { id: orderId })
    .next();

describe.each(Object.entries(asks))('a rule of the pipeline holds over %s:', (way, ask) => {
  it('what is within all limits is answered', async () => {
    expect((await ask('id status', staff)).errors).toBeUndefined();
  });

  it.each([
    ['deep', 'items { product { price { amount } } }', /depth/i],
    ['rich in aliases', 'a: id b: id c: id', /alias/i],
    ['long', 'id '.repeat(100), /token/i],
    [
      'costly',
      'items { quantity unitPrice { amount } lineTotal { amount } product { id sku name stock version } } customer { id name email version } shippingAddress { line1 city postalCode country }',
      /cost/i,
    ],
    ['wrong', 'id nothing', /nothing/],
    ['unfinished', 'id {', /syntax/i],
  ])('a document that is too %s is refused in words', async (_, fields, words) => {
    const { errors, data } = await ask(fields, staff);
    expect(data ?? null).toBeNull();
    expect(errors?.[0]?.message).toMatch(words);
    expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT');
  });

  it('who is not signed in is told to', async () => {
    expect((await ask('id')).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });

  it('who has no role may not read orders', async () => {
    const { errors } = await ask('id', await accessToken('nobody', []));
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  it("a customer sees their own order, and of another's not even that it is there", async () => {
    expect((await ask('id', await customerToken(shop.customerId))).errors).toBeUndefined();
    const { data, errors } = await ask('id', await customerToken('00000000-0000-7000-8000-000000000001'));
    if (way === 'HTTP') expect(data).toEqual({ order: null });
    else expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('a fault is masked, and the log knows it by its correlation id', async () => {
    const { sql } = app.database;
    const reader = sql(await roleOf(sql, 'reader'));
    await sql`revoke select on read.orders_v3 from ${reader}`;
    try {
      const { errors } = await ask('id', staff);
      expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
      expect(JSON.stringify(errors)).not.toMatch(/permission|read\.orders/);
      const correlationId = String(errors?.[0]?.extensions?.correlationId);
      expect(correlationId).toMatch(/^[\da-f-]{36}$/);
      expect(app.log.some((line) => line.includes(correlationId) && line.includes('permission denied'))).toBe(true);
    } finally {
      await sql`grant select on read.orders_v3 to ${reader}`;
    }
  });
});

describe.each(['HTTP', 'SSE', 'SSE by GET'])('credentials over %s', (way) => {
  it.each([
    ['expired', () => accessToken('clerk', ['staff'], { expiresAt: new Date(Date.now() - 60_000) })],
    ['forged', () => accessToken('clerk', ['staff'], { secret: 'another secret of thirty-two bytes' })],
    ['malformed', () => 'nonsense'],
  ])('are refused where they are %s', async (_, token) => {
    const answer = await asks[way]?.('id', await token());
    expect(answer?.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });
});

describe.each(['WebSocket', 'SSE by POST'] as const)('projectionUpdated (%s)', (way) => {
  const query = `subscription ($after: ConsistencyToken!) {
    projectionUpdated(projections: ["orders", "customers"], after: $after) { projection keys }
  }`;
  interface Update {
    readonly projectionUpdated: { readonly projection: string; readonly keys: readonly string[] | null };
  }

  it('names to a customer only the rows that they may see', async () => {
    const ada = await registerCustomer(app, {}, { token: staff });
    const bob = await registerCustomer(app, {}, { token: staff });
    await caughtUp(app, bob.token);
    const token = await customerToken(ada.aggregateId);
    const feed = open(way, { token }).subscribe<Update>(query, { after: bob.token });
    await feed.data();
    await feed.data();
    const hers = async (projection: string) =>
      (await feed.dataWhere(({ projectionUpdated }) => projectionUpdated.projection === projection)).projectionUpdated
        .keys;
    // The client is not even told that this order changed.
    await placeOrder(app, { ...shop, customerId: bob.aggregateId }, {}, { token: staff });
    const order = await placeOrder(app, { ...shop, customerId: ada.aggregateId }, {}, { token: staff });
    expect(await hers('orders')).toEqual([order.aggregateId]);
  });

  it('tells nobody of read models that they may not read, and refuses these if they are named', async () => {
    const orders = 'subscription { projectionUpdated(projections: ["orders"]) { projection keys } }';
    const named = await open(way, {}).subscribe<Update>(orders, {}).next();
    expect(named.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    const feed = open(way, {}).subscribe<Update>('subscription { projectionUpdated { projection keys } }', {});
    let told: Update | undefined;
    feed.data().then((update) => {
      told = update;
    });
    await until(async () => {
      await registerProduct(app, {}, { token: staff });
      return told !== undefined;
    });
    // Now it is certain that it listens.
    await placeOrder(app, shop, {}, { token: staff });
    const { token } = await registerProduct(app, {}, { token: staff });
    await caughtUp(app, token);
    expect([told, await feed.data()].map((update) => update?.projectionUpdated.projection)).toEqual([
      'products',
      'products',
    ]);
  });
});
