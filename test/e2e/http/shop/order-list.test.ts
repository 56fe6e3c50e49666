import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { placeOrder } from '../../../../src/domains/orders/index.ts';
import { ADDRESS, openShop, registerCustomer, registerProduct, type Shop } from '../../../support/client/shop.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { system } from '../../../support/kernel/counter.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: OrderFilter, $sort: OrderSort, $token: ConsistencyToken!)
  @readAfter(token: $token) {
  orders(first: $first, after: $after, last: $last, before: $before, filter: $filter, sort: $sort) {
    edges { cursor node { id placedAt total { amount } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

let shop: Shop;
let other: Shop;
let token: string;
/** Ids in the order of PLACED_AT_DESC: three instants, of which two have several orders. */
let newestFirst: string[];
/** Ids in the order of TOTAL_DESC; most of them cost the same. */
let largestFirst: string[];

/** Places an order that says when that was, as an importer does. */
async function placedAt(at: string, quantity = 1, { customerId, productId } = shop): Promise<string> {
  const input = { customerId, items: [{ productId, quantity }], shippingAddress: ADDRESS };
  const receipt = receiptOf(await app.engine.bus.execute(placeOrder, input, { ...system, occurredAt: new Date(at) }));
  token = app.engine.tokens.encode(receipt.position);
  return receipt.aggregateId;
}

const descending = (ids: readonly string[]) => [...ids].sort().reverse();

beforeAll(async () => {
  shop = await openShop(app);
  other = { ...shop, customerId: (await registerCustomer(app, { name: 'Bob' })).aggregateId };
  const instants = ['2024-03-01T10:00:00.000Z', '2024-03-02T10:00:00.000Z', '2024-03-03T10:00:00.123Z'];
  const [early, middle, late] = await Promise.all([
    Promise.all(Array.from({ length: 5 }, () => placedAt(instants[0] as string))),
    Promise.all([placedAt(instants[1] as string, 7, other)]),
    Promise.all(Array.from({ length: 6 }, () => placedAt(instants[2] as string))),
  ]);
  newestFirst = [...descending(late), ...middle, ...descending(early)];
  largestFirst = [...middle, ...descending([...early, ...late])];
  token = app.engine.tokens.encode(app.engine.projector.head.position);
});

async function page(variables: Record<string, unknown>): Promise<Page> {
  const answer = await app.query<{ orders: Page }>(PAGE, { token, ...variables });
  expect(answer.errors, answer.text).toBeUndefined();
  return answer.data.orders;
}
const idsOf = ({ edges }: Page) => edges.map(({ node }) => node.id);
const before2025 = { placedBefore: '2025-01-01T00:00:00Z' };

describe('a list of orders', () => {
  it.each([
    ['PLACED_AT_DESC', () => newestFirst],
    ['PLACED_AT_ASC', () => newestFirst.toReversed()],
    ['TOTAL_DESC', () => largestFirst],
  ])('sorted by %s has equal ones in one order', async (sort, expected) => {
    expect(idsOf(await page({ sort, filter: before2025 }))).toEqual(expected());
  });

  it('is sorted by PLACED_AT_DESC unless told, and 20 long', async () => {
    expect(idsOf(await page({ filter: before2025 }))).toEqual(newestFirst);
    expect(await page({ first: 0 })).toEqual({
      edges: [],
      pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  it.each(['PLACED_AT_DESC', 'PLACED_AT_ASC', 'TOTAL_DESC'])(
    'sorted by %s shows everything once, page by page, forwards and backwards',
    async (sort) => {
      const all = idsOf(await page({ sort, filter: before2025 }));
      for (const size of [1, 2, 5, 12]) {
        const forwards: string[] = [];
        for (let after: string | null = null, more = true; more; ) {
          const next: Page = await page({ sort, filter: before2025, first: size, after });
          expect(next.pageInfo.hasPreviousPage).toBe(after !== null);
          expect(next.pageInfo.startCursor).toBe(next.edges[0]?.cursor);
          forwards.push(...idsOf(next));
          after = next.pageInfo.endCursor;
          more = next.pageInfo.hasNextPage;
        }
        expect(forwards).toEqual(all);
        const backwards: string[] = [];
        for (let before: string | null = null, more = true; more; ) {
          const previous: Page = await page({ sort, filter: before2025, last: size, before });
          expect(previous.pageInfo.hasNextPage).toBe(before !== null);
          backwards.unshift(...idsOf(previous));
          before = previous.pageInfo.startCursor;
          more = previous.pageInfo.hasPreviousPage;
        }
        expect(backwards).toEqual(all);
      }
    },
  );

  it('between two cursors has what lies between them', async () => {
    const all = await page({ filter: before2025 });
    const [after, before] = [all.edges[2]?.cursor, all.edges[7]?.cursor];
    expect(idsOf(await page({ filter: before2025, after, before }))).toEqual(newestFirst.slice(3, 7));
    expect(idsOf(await page({ filter: before2025, after, before, last: 2 }))).toEqual(newestFirst.slice(5, 7));
    expect(idsOf(await page({ filter: before2025, after: before, before: after }))).toEqual([]);
  });

  it('continues at its cursor while other orders are placed before, between and at the same place', async () => {
    const seen: string[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const next: Page = await page({ first: 4, after });
      seen.push(...idsOf(next));
      after = next.pageInfo.endCursor;
      more = next.pageInfo.hasNextPage;
      await Promise.all([placedAt('2030-01-01T00:00:00Z'), placedAt('2024-03-03T10:00:00.123Z')]);
    }
    const known = seen.filter((id) => newestFirst.includes(id));
    expect(known).toEqual(newestFirst);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe("a customer's orders", () => {
  it('are theirs alone, newest first, in pages', async () => {
    const { aggregateId: customerId } = await registerCustomer(app, { name: 'Cleo' });
    const hers = { ...shop, customerId };
    const ids = [await placedAt('2024-01-01T00:00:00Z', 1, hers), await placedAt('2024-01-02T00:00:00Z', 1, hers)];
    const query = `query ($id: ID!, $first: Int, $after: String, $token: ConsistencyToken!) @readAfter(token: $token) {
      customer(id: $id) { orders(first: $first, after: $after) { edges { cursor node { id customer { name } } } pageInfo { hasNextPage } } }
    }`;
    const read = async (variables: object) => {
      const answer = await app.query<{ customer: { orders: Page } }>(query, { id: customerId, token, ...variables });
      return answer.data.customer.orders;
    };
    const first = await read({ first: 1 });
    expect(first.edges).toMatchObject([{ node: { id: ids[1], customer: { name: 'Cleo' } } }]);
    expect(first.pageInfo.hasNextPage).toBe(true);
    expect(idsOf(await read({ after: first.edges[0]?.cursor }))).toEqual([ids[0]]);
    expect(idsOf(await page({ filter: { customerId } }))).toEqual(ids.toReversed());
    expect(idsOf(await page({ filter: { customerId: customerId.toUpperCase() } }))).toEqual(ids.toReversed());
    expect(idsOf(await page({ filter: { customerId: randomUUID() } }))).toEqual([]);
  });
});

describe('a product of an order', () => {
  it('is the product as it is now, loaded once however many orders have it', async () => {
    const { aggregateId: productId, token: registered } = await registerProduct(app, { name: 'Lamp' });
    expect(registered).not.toBe('');
    await Promise.all(Array.from({ length: 5 }, () => placedAt('2023-01-01T00:00:00Z', 1, { ...shop, productId })));
    const query = `query ($token: ConsistencyToken!) @readAfter(token: $token) {
      orders(filter: { search: "lamp" }) { edges { node { items { product { id name } } customer { name } } } }
    }`;
    const { data } = await app.query<{ orders: { edges: { node: object }[] } }>(query, { token });
    expect(data.orders.edges.map(({ node }) => node)).toEqual(
      Array(5).fill({ items: [{ product: { id: productId, name: 'Lamp' } }], customer: { name: 'Ada' } }),
    );
  });
});
