import { expect, it } from 'vitest';
import { accepted, openShop, placeOrder, registerCustomer } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';

// Nobody carries the orders on: they stay as their clients leave them.
const app = useApp({ fulfils: false });

it('lets every one of many clients that write and read at once see their own writes, always', async () => {
  const shop = await openShop(app);
  const client = async (n: number) => {
    const { aggregateId: id } = await registerCustomer(app, { name: `Client ${n}` });
    for (let round = 1; round <= 8; round++) {
      const name = `Client ${n} in round ${round}`;
      const { token, version } = await accepted(app, 'renameCustomer', { customerId: id, name });
      const answer =
        round % 2 === 0
          ? await app.query(
              'query ($id: ID!) { customer(id: $id) { name version } }',
              { id },
              { headers: { 'read-after': token } },
            )
          : await app.query(
              'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) { customer(id: $id) { name version } }',
              { id, token },
            );
      expect(answer.data, answer.text).toEqual({ customer: { name, version } });
    }
    const order = await placeOrder(app, { ...shop, customerId: id });
    const query = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) {
      customer(id: $id) { orders { edges { node { id status } } } }
      orders(filter: { customerId: $id }) { edges { node { id } } }
    }`;
    const { data } = await app.query(query, { id, token: order.token });
    expect(data).toEqual({
      customer: { orders: { edges: [{ node: { id: order.aggregateId, status: 'PLACED' } }] } },
      orders: { edges: [{ node: { id: order.aggregateId } }] },
    });
  };
  await Promise.all(Array.from({ length: 24 }, (_, n) => client(n)));
  expect(app.engine.projector.positions.waiting).toBe(0);
});

it('lets many clients change one order, each of whom sees what they did', async () => {
  const shop = await openShop(app);
  const { aggregateId: orderId } = await placeOrder(app, shop);
  const versions = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const input = { orderId, productId: shop.productId, quantity: 1 };
      const query = `order(id: "${orderId}") { version itemCount }`;
      const receipt = await app.command<{ order: { version: number; itemCount: number } }>('addOrderItem', input, {
        query,
      });
      expect(receipt.__typename).toBe('CommandReceipt');
      expect(receipt.query.order.version).toBeGreaterThanOrEqual(receipt.version);
      // Two were on it, and every version since has added one.
      expect(receipt.query.order.itemCount).toBe(receipt.query.order.version + 1);
      return receipt.version;
    }),
  );
  expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 2));
});
