import { describe, expect, it } from 'vitest';
import { placeOrder, registerCustomer, registerProduct, unknownId } from '../../support/client/shop.ts';
import { useTransports, ways } from '../../support/client/transports.ts';
import { stall } from '../../support/postgres/stall.ts';
import { useApp } from '../../support/server/app.ts';

// It lets a read model fall behind on purpose, on a busy machine for seconds.
const app = useApp({ fulfils: false, env: { FAIR_LAG_MS: '0' } });
const open = useTransports(app);

interface Update {
  readonly projectionUpdated: {
    readonly projection: string;
    readonly token: string;
    readonly keys: readonly string[] | null;
    readonly lagMs: number;
  };
}
const PROJECTION_UPDATED = /* GraphQL */ `
  subscription ($projections: [String!], $keys: [ID!], $after: ConsistencyToken) {
    projectionUpdated(projections: $projections, keys: $keys, after: $after) { projection token keys lagMs }
  }
`;
const now = () => app.engine.tokens.encode(app.engine.projector.head.position);

describe.each(ways)('projectionUpdated (%s)', (way) => {
  /** With `after`, each projection reports its position at once, so the subscription has certainly begun. */
  const subscribe = async (variables: { projections?: string[]; keys?: string[] }) => {
    const feed = open(way).subscribe<Update>(PROJECTION_UPDATED, { ...variables, after: now() });
    for (const _ of variables.projections ?? app.engine.projector.positions.names) await feed.data();
    return async () => (await feed.data()).projectionUpdated;
  };

  it('tells which rows of which read model changed, and how fresh it is', async () => {
    const next = await subscribe({ projections: ['customers', 'products'] });
    const { aggregateId, token } = await registerCustomer(app);
    const update = await next();
    expect(update).toMatchObject({ projection: 'customers', keys: [aggregateId] });
    expect(update.lagMs).toBeGreaterThanOrEqual(0);
    const { tokens } = app.engine;
    expect(tokens.decode(update.token)).toBeGreaterThanOrEqual(tokens.decode(token));
    const product = await registerProduct(app);
    expect(await next()).toMatchObject({ projection: 'products', keys: [product.aggregateId] });
  });

  it('tells of no other read models than those that were asked for', async () => {
    const next = await subscribe({ projections: ['products', 'orders'] });
    const [customer, product] = await Promise.all([registerCustomer(app), registerProduct(app)]);
    const shop = { customerId: customer.aggregateId, productId: product.aggregateId };
    expect(await next()).toMatchObject({ projection: 'products', keys: [shop.productId] });
    const order = await placeOrder(app, shop);
    expect(await next()).toMatchObject({ projection: 'orders', keys: [order.aggregateId] });
  });

  it('tells of no other rows than those that were asked for, whatever the case of their ids', async () => {
    const id = unknownId();
    const next = await subscribe({ projections: ['customers'], keys: [unknownId(), id.toUpperCase()] });
    await registerCustomer(app);
    await registerCustomer(app, { id });
    expect(await next()).toMatchObject({ keys: [id] });
  });

  it('begins with a message for each read model that is at the token', async () => {
    const { token } = await registerCustomer(app);
    const feed = open(way).subscribe<Update>(PROJECTION_UPDATED, { after: token });
    const names = app.engine.projector.positions.names;
    const told: string[] = [];
    for (const _ of names) told.push((await feed.data()).projectionUpdated.projection);
    expect(told.toSorted()).toEqual(names.toSorted());
  });

  it('tells of a read model that is behind the token when it gets there, and names no rows', async () => {
    const release = await stall(app.database, 'customers');
    const { token } = await registerCustomer(app);
    const feed = open(way).subscribe<Update>(PROJECTION_UPDATED, { after: token });
    const others = app.engine.projector.positions.names.filter((name) => name !== 'customers');
    const told = [];
    for (const _ of others) told.push((await feed.data()).projectionUpdated.projection);
    expect(told.toSorted()).toEqual(others.toSorted());
    await release();
    expect((await feed.data()).projectionUpdated).toMatchObject({ projection: 'customers', keys: null });
  });

  it('does not say that it is fresher than the read model that it tells of', async () => {
    const release = await stall(app.database, 'customers');
    const variables = { projections: ['customers'], after: now() };
    const feed = open(way).subscribe<Update>(PROJECTION_UPDATED, variables);
    await registerCustomer(app);
    const { data, extensions } = await feed.next();
    expect(extensions?.consistency).toEqual({ token: data?.projectionUpdated.token, stale: false });
    await release();
  });

  it('names up to 100 rows, and of more none', async () => {
    const next = await subscribe({ projections: ['customers'] });
    const registerTogether = async (count: number) => {
      const release = await stall(app.database, 'customers');
      // The first is in the way of the others, which are then applied together.
      await registerCustomer(app);
      await Promise.all(Array.from({ length: count }, () => registerCustomer(app)));
      await release();
      expect((await next()).keys).toHaveLength(1);
      return (await next()).keys;
    };
    expect(await registerTogether(100)).toHaveLength(100);
    expect(await registerTogether(101)).toBeNull();
  });

  it('answers the name of no read model with one error, which names those that there are', async () => {
    const feed = open(way).subscribe(PROJECTION_UPDATED, { projections: ['orders', 'nobodys'] });
    const { errors } = await feed.next();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0]?.message).toMatch(/"nobodys".*customers/);
    expect(await feed.end()).toEqual({ how: 'complete' });
    expect(feed.messages).toHaveLength(1);
  });
});
