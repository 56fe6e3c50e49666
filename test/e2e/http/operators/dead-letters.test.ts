import { afterEach, describe, expect, it } from 'vitest';
import { accepted, openShop, placeOrder } from '../../../support/client/shop.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ fulfils: false });
const open = useTransports(app);

const ORDER = 'query ($id: ID!) { order(id: $id) { status stale } }';
const DEAD_LETTERS = `query ($first: Int, $after: String) {
  deadLetters(projection: "orders", first: $first, after: $after) {
    edges { cursor node { projection key position streamType streamId eventType error since waiting } }
    nodes { key }
    totalCount
    pageInfo { hasNextPage }
  }
}`;
const FIELDS = `__typename ... on DeadLettersRetried { projection key applied remaining stuckAt error }
  ... on Error { code message } ... on DeadLetterChanged { position }`;
const RETRY = `mutation ($key: ID!) { retryDeadLetters(projection: "orders", key: $key) { ${FIELDS} } }`;
const DISCARD = `mutation ($key: ID!, $position: SafeInt!) {
  discardDeadLetter(projection: "orders", key: $key, position: $position, reason: "a test") { ${FIELDS} }
}`;

const readAfter = (token: string) => ({ headers: { 'read-after': token } });
const counted = async () => {
  const { data } = await app.query<{ projections: { name: string; deadLetters: number }[] }>(
    '{ projections { name deadLetters } }',
  );
  return data.projections.find(({ name }) => name === 'orders')?.deadLetters;
};

/** From now on Postgres refuses orders that are confirmed. */
async function refuseConfirmed(): Promise<void> {
  await app.database.sql`alter table read.orders_v3 add constraint touchy check (status <> 'CONFIRMED') not valid`;
}
const mend = async () => {
  await app.database.sql`alter table read.orders_v3 drop constraint if exists touchy`;
  await app.database.sql`alter table read.audit_trail_v1 drop constraint if exists touchy`;
};
afterEach(async () => {
  await mend();
  await app.database.sql`delete from read.dead_letters`;
});

async function twoOrdersOneOfThemParked() {
  const shop = await openShop(app);
  const [order, other] = [await placeOrder(app, shop), await placeOrder(app, shop)];
  await app.query(ORDER, { id: order.aggregateId }, readAfter(other.token));
  await refuseConfirmed();
  const confirmed = await accepted(app, 'confirmOrder', { orderId: order.aggregateId });
  return { id: order.aggregateId, key: `Order/${order.aggregateId}`, other, confirmed };
}

describe('an event that a read model cannot apply', () => {
  it('leaves its row stale and marked as such, and all others correct', async () => {
    const { id, key, other, confirmed } = await twoOrdersOneOfThemParked();
    const parked = await app.query(ORDER, { id }, readAfter(confirmed.token));
    expect(parked).toMatchObject({
      errors: undefined,
      data: { order: { status: 'PLACED', stale: true } },
      consistency: { stale: true },
    });
    const cancelled = await accepted(app, 'cancelOrder', { orderId: other.aggregateId, reason: 'none' });
    expect(await app.query(ORDER, { id: other.aggregateId }, readAfter(cancelled.token))).toMatchObject({
      data: { order: { status: 'CANCELLED', stale: false } },
      consistency: { stale: false },
    });
    const shipped = await accepted(app, 'shipOrder', { orderId: id, carrier: 'UPS', trackingNumber: '1Z' });
    await app.query(ORDER, { id }, readAfter(shipped.token));
    await until(async () => (await counted()) === 2);

    const { data } = await app.query<{ deadLetters: { edges: { node: Record<string, unknown> }[] } }>(DEAD_LETTERS);
    const position = app.engine.tokens.decode(confirmed.token);
    expect(data.deadLetters.edges.map(({ node }) => node)).toEqual([
      {
        projection: 'orders',
        key,
        position,
        streamType: 'Order',
        streamId: id,
        eventType: 'OrderConfirmed',
        error: `Projection orders failed at position ${position}: Postgres refused its change (SQLSTATE 23514)`,
        since: expect.any(String),
        waiting: 1,
      },
    ]);

    await app.database.sql`alter table read.orders_v3 drop constraint touchy`;
    await app.database.sql`alter table read.orders_v3 add constraint touchy check (status = 'PLACED') not valid`;
    const early = await app.query(RETRY, { key });
    expect(early.data.retryDeadLetters).toMatchObject({
      __typename: 'DeadLettersRetried',
      applied: 0,
      remaining: 2,
      stuckAt: position,
      error: expect.stringContaining('23514'),
    });
    await mend();
    const retried = await app.query(RETRY, { key });
    expect(retried.data.retryDeadLetters).toEqual({
      __typename: 'DeadLettersRetried',
      projection: 'orders',
      key,
      applied: 2,
      remaining: 0,
      stuckAt: null,
      error: null,
    });
    expect(await app.query(ORDER, { id })).toMatchObject({
      data: { order: { status: 'SHIPPED', stale: false } },
      consistency: { stale: false },
    });
    await until(async () => (await counted()) === 0);
    const delivered = await accepted(app, 'confirmDelivery', { orderId: id });
    expect((await app.query(ORDER, { id }, readAfter(delivered.token))).data).toEqual({
      order: { status: 'DELIVERED', stale: false },
    });
    expect(app.log.filter((line) => line.includes('goes on') && line.includes('"orders"')).length).toBeGreaterThan(0);
  });

  it('is skipped if an admin discards it, and no other is in its place', async () => {
    const { id, key, confirmed } = await twoOrdersOneOfThemParked();
    const position = app.engine.tokens.decode(confirmed.token);
    const shipped = await accepted(app, 'shipOrder', { orderId: id, carrier: 'UPS', trackingNumber: '1Z' });
    await app.query(ORDER, { id }, readAfter(shipped.token));
    const wrong = await app.query(DISCARD, { key, position: position + 1 });
    expect(wrong.data.discardDeadLetter).toMatchObject({ __typename: 'DeadLetterChanged', position });
    const done = await app.query(DISCARD, { key, position });
    expect(done.data.discardDeadLetter).toMatchObject({ __typename: 'DeadLettersRetried', applied: 1, remaining: 0 });
    expect((await app.query(ORDER, { id })).data).toEqual({ order: { status: 'SHIPPED', stale: false } });
    const again = await app.query(DISCARD, { key, position });
    expect(again.data.discardDeadLetter).toMatchObject({
      __typename: 'DeadLetterNotFound',
      code: 'DEAD_LETTER_NOT_FOUND',
    });
    expect(await app.database.sql`select status, discarded_by, reason from read.dead_letters`).toEqual([
      { status: 'DISCARDED', discarded_by: expect.any(String), reason: 'a test' },
    ]);
  });

  it('is told to who looks at the row live, and so is its end', async () => {
    const { id, key } = await twoOrdersOneOfThemParked();
    await until(async () => (await counted()) === 1);
    const feed = open('WebSocket').subscribe('subscription ($id: ID!) { orderUpdated(id: $id) { status stale } }', {
      id,
    });
    expect(await feed.next()).toMatchObject({
      data: { orderUpdated: { status: 'PLACED', stale: true } },
      extensions: { consistency: { stale: true } },
    });
    await mend();
    await app.query(RETRY, { key });
    expect(await feed.next()).toMatchObject({
      data: { orderUpdated: { status: 'CONFIRMED', stale: false } },
      extensions: { consistency: { stale: false } },
    });
  });
});

describe('an event that waits and would have made a row', () => {
  it('makes lists that the row is missing from stale, and the answer that there is no such row', async () => {
    const shop = await openShop(app);
    const LIST = '{ orders(first: 5) { edges { node { id } } } }';
    await app.database.sql`alter table read.orders_v3 add constraint touchy check (status <> 'PLACED') not valid`;
    const { aggregateId: id, token } = await placeOrder(app, shop);
    expect(await app.query(LIST, {}, readAfter(token))).toMatchObject({ consistency: { stale: true } });
    expect(await app.query(ORDER, { id }, readAfter(token))).toMatchObject({
      data: { order: null },
      consistency: { stale: true },
    });
    expect(await app.query('{ notes(first: 5) { edges { node { id } } } }', {}, readAfter(token))).toMatchObject({
      consistency: { stale: false },
    });
    await mend();
    await app.query(RETRY, { key: `Order/${id}` });
    await until(async () => (await app.query(LIST)).consistency.stale === false);
    expect(await app.query(ORDER, { id })).toMatchObject({
      data: { order: { status: 'PLACED', stale: false } },
      consistency: { stale: false },
    });
  });

  it('makes the audit trail stale, also for later events of others on the same aggregate', async () => {
    const shop = await openShop(app);
    const { aggregateId: id, token: before } = await placeOrder(app, shop);
    const TRAIL = 'query ($id: ID!) { auditTrail(aggregateId: $id, first: 5) { edges { node { eventType } } } }';
    expect(await app.query(TRAIL, { id }, readAfter(before))).toMatchObject({ consistency: { stale: false } });
    await app.database
      .sql`alter table read.audit_trail_v1 add constraint touchy check (event_type <> 'OrderConfirmed') not valid`;
    await accepted(app, 'confirmOrder', { orderId: id });
    const { token } = await accepted(app, 'shipOrder', { orderId: id, carrier: 'UPS', trackingNumber: '1Z' });
    expect(await app.query(TRAIL, { id }, readAfter(token))).toMatchObject({
      data: { auditTrail: { edges: [{ node: { eventType: 'OrderPlaced' } }] } },
      consistency: { stale: true },
    });
  });
});

describe('the list of dead letters', () => {
  it('is read page by page', async () => {
    const shop = await openShop(app);
    const orders = [];
    for (let n = 0; n < 5; n++) orders.push(await placeOrder(app, shop));
    await app.query(ORDER, { id: orders[0]?.aggregateId }, readAfter(orders[4]?.token ?? ''));
    await refuseConfirmed();
    for (const { aggregateId } of orders) await accepted(app, 'confirmOrder', { orderId: aggregateId });
    await until(async () => (await counted()) === 5);
    const keys: string[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const { data } = await app.query<{
        deadLetters: {
          edges: { cursor: string; node: { key: string } }[];
          nodes: { key: string }[];
          totalCount: number;
          pageInfo: { hasNextPage: boolean };
        };
      }>(DEAD_LETTERS, { first: 2, after });
      keys.push(...data.deadLetters.edges.map(({ node }) => node.key));
      expect(data.deadLetters.nodes).toEqual(data.deadLetters.edges.map(({ node }) => ({ key: node.key })));
      expect(data.deadLetters.totalCount).toBe(orders.length);
      after = data.deadLetters.edges.at(-1)?.cursor;
      more = data.deadLetters.pageInfo.hasNextPage;
    }
    expect(keys).toEqual(orders.map(({ aggregateId }) => `Order/${aggregateId}`));
  });

  it.each([
    ['a read model that there is not', '{ deadLetters(projection: "ghosts") { pageInfo { hasNextPage } } }'],
    ['a cursor that is none', '{ deadLetters(after: "x") { pageInfo { hasNextPage } } }'],
    ['a page of no size', '{ deadLetters(first: -1) { pageInfo { hasNextPage } } }'],
    ['a key that no text is', 'mutation { retryDeadLetters(projection: "orders", key: "\\u0000") { __typename } }'],
    ['a retry of what there is not', 'mutation { retryDeadLetters(projection: "ghosts", key: "x") { __typename } }'],
  ])('refuses %s', async (_, query) => {
    expect(await app.query(query)).toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('takes no other answer for nothing', async () => {
    const { data } = await app.query(RETRY, { key: 'Order/none' });
    expect(data.retryDeadLetters).toMatchObject({ __typename: 'DeadLetterNotFound' });
  });
});
