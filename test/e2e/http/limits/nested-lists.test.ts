import { beforeAll, describe, expect, it } from 'vitest';
import { placeOrder } from '../../../../src/domains/orders/index.ts';
import { ADDRESS, openShop, registerCustomer } from '../../../support/client/shop.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { system } from '../../../support/kernel/counter.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();

interface List {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean };
}
type Customers = Record<string, { readonly first: List; readonly all: List }>;

/** Ids of the orders of each customer, newest first. */
const newestFirst = new Map<string, string[]>();

/** Asks for all customers and their orders in one query. */
async function customersWith(first: number, after = 'null'): Promise<Customers> {
  const list = 'edges { cursor node { id } } pageInfo { hasNextPage }';
  const customers = [...newestFirst.keys()].map(
    (id, nth) => `c${nth}: customer(id: "${id}") {
      first: orders(first: ${first}, after: ${after}) { ${list} } all: orders(first: 100) { ${list} } }`,
  );
  const answer = await app.query<Customers>(`{ ${customers.join('\n')} }`);
  expect(answer.errors, answer.text).toBeUndefined();
  return answer.data;
}

const idsOf = ({ edges }: List) => edges.map(({ node }) => node.id);

beforeAll(async () => {
  const { productId } = await openShop(app);
  let position = 0;
  for (const count of [0, 1, 3, 5]) {
    const { aggregateId: customerId } = await registerCustomer(app, { name: `Has ${count}` });
    const orders: string[] = [];
    for (let nth = 0; nth < count; nth++) {
      const input = { customerId, items: [{ productId, quantity: 1 }], shippingAddress: ADDRESS };
      const occurredAt = new Date(Date.UTC(2024, 0, 1 + nth));
      const receipt = receiptOf(await app.engine.bus.execute(placeOrder, input, { ...system, occurredAt }));
      orders.unshift(receipt.aggregateId);
      position = receipt.position;
    }
    newestFirst.set(customerId, orders);
  }
  await app.engine.projector.positions.reached('orders', position);
});

describe('the orders of several customers', () => {
  it('are those of each, newest first, with what is left told of each', async () => {
    const found = Object.values(await customersWith(3));
    expect(found.map(({ first }) => idsOf(first))).toEqual([...newestFirst.values()].map((ids) => ids.slice(0, 3)));
    expect(found.map(({ first }) => first.pageInfo.hasNextPage)).toEqual([false, false, false, true]);
    expect(found.map(({ all }) => idsOf(all))).toEqual([...newestFirst.values()]);
  });

  it('go on after a cursor', async () => {
    const longest = Object.values(await customersWith(2)).at(-1);
    const after = JSON.stringify(longest?.first.edges[1]?.cursor);
    const next = Object.values(await customersWith(2, after)).at(-1);
    expect(next && idsOf(next.first)).toEqual([...newestFirst.values()].at(-1)?.slice(2, 4));
  });
});
