import { describe, expect, it } from 'vitest';
import { accepted, openShop, placeOrder, registerCustomer } from '../../support/client/shop.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';

const CUSTOMER = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { name } }`;

describe.skipIf(lacks('pg_basebackup'))('a server whose queries read from a replica', () => {
  const database = useReplicatedDatabase();
  const app = useApp({ database, env: () => ({ READ_DATABASE_URL: database.readUrl }), fulfils: false });
  const positionOf = (token: string) => app.engine.tokens.decode(token);
  const connections = async (on: 'primary' | 'replica') => {
    const statement = `select distinct application_name as name from pg_stat_activity where datname = 'shop'`;
    const server = on === 'primary' ? database.primary : database.replica.server;
    return (await server.ask<{ name: string }>(statement)).map(({ name }) => name).toSorted();
  };

  it('reads on the replica what it has written on the primary, with the token of its receipt', async () => {
    for (let n = 0; n < 30; n++) {
      const { aggregateId: id, token } = await registerCustomer(app, { name: `Ada ${n}` });
      const answer = await app.query(CUSTOMER, { id, token });
      expect(answer).toMatchObject({ data: { customer: { name: `Ada ${n}` } }, consistency: { stale: false } });
    }
  });

  it('runs all queries on the replica, and everything else on the primary', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    await app.query(CUSTOMER, { id, token });
    expect(await connections('replica')).toEqual(['afterwrite reader', 'afterwrite replica']);
    const primary = await connections('primary');
    expect(primary).toEqual(expect.arrayContaining(['afterwrite projector', 'afterwrite writer']));
    expect(primary).not.toContain('afterwrite reader');
    expect(await database.replica.ask('select pg_is_in_recovery() as replaying')).toEqual([{ replaying: true }]);
  });

  it('reads its own write in the same request', async () => {
    const { aggregateId } = await registerCustomer(app);
    for (let n = 0; n < 20; n++) {
      const receipt = await accepted(
        app,
        'renameCustomer',
        { customerId: aggregateId, name: `Countess ${n}` },
        { query: `customer(id: "${aggregateId}") { name }` },
      );
      expect(receipt.query).toEqual({ customer: { name: `Countess ${n}` } });
    }
  });

  it('can use the token of one answer in the next read', async () => {
    const shop = await openShop(app);
    const order = await placeOrder(app, shop);
    const first = await app.query(CUSTOMER, { id: shop.customerId, token: order.token });
    expect(first.consistency.stale).toBe(false);
    expect(positionOf(first.consistency.token)).toBeGreaterThanOrEqual(positionOf(order.token));
    const second = await app.query(CUSTOMER, { id: shop.customerId, token: first.consistency.token });
    expect(second.errors).toBeUndefined();
  });

  it('has lists and several read models together at a token', async () => {
    const shop = await openShop(app);
    for (let n = 1; n <= 10; n++) {
      const { token } = await placeOrder(app, shop);
      const answer = await app.query(
        `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) {
           customer(id: $id) { orders(first: 50) { edges { node { status } } } }
         }`,
        { id: shop.customerId, token },
      );
      expect(answer.errors).toBeUndefined();
      expect(answer.data).toMatchObject({
        customer: { orders: { edges: Array(n).fill({ node: { status: 'PLACED' } }) } },
      });
    }
  });
});
