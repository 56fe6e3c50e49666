import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { openShop, placeOrder } from '../../../support/client/shop.ts';
import { type LogSize, logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });
let before: LogSize;
beforeAll(async () => {
  const shop = await openShop(app);
  await placeOrder(app, shop);
  await placeOrder(app, shop);
  before = await logSize(app.database);
});
afterAll(async () => {
  expect(await logSize(app.database)).toEqual(before);
  // None of all this was a fault.
  expect(app.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

const LONG = 'x'.repeat(100_000);
/** Cases with a title that fits on a line. */
const titled = <T>(values: readonly T[]) => values.map((value) => [JSON.stringify(value).slice(0, 60), value] as const);
const ORDERS = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: OrderFilter, $sort: OrderSort) {
  orders(first: $first, after: $after, last: $last, before: $before, filter: $filter, sort: $sort) { edges { cursor } }
}`;
const STATISTICS = 'query ($currency: String!) { orderStatistics(currency: $currency) { count } }';

const refused = async (query: string, variables: Record<string, unknown>) => {
  const answer = await app.query(query, variables);
  expectRequestError(answer, 'BAD_USER_INPUT');
  return answer.errors?.[0]?.message ?? '';
};

describe.each(['order', 'customer', 'product'])('%s(id)', (name) => {
  const query = `query ($id: ID!) { ${name}(id: $id) { id } }`;

  it.each(titled(['', 'nope', '00000000-0000-4000-8000-00000000000x', 'a\0b', 'a\ud800b', LONG, 5]))(
    'refuses the id %s',
    async (_, id) => {
      const answer = await app.query(query, { id });
      expectRequestError(answer, 'BAD_USER_INPUT');
      expect(answer.errors?.[0]?.message).toMatch(/is not an id: ids are UUIDs\.$/);
      expect(answer.errors?.[0]?.path).toEqual([name]);
      expect(answer.text.length).toBeLessThan(1000);
      expect(answer.data).toEqual({ [name]: null });
    },
  );

  it.each([[null], [true], [1.5], [{}], [['a', 'b']]])('refuses %j, which no id can be', async (id) => {
    await refused(query, { id });
  });

  it('is null for an id that nothing has', async () => {
    const answer = await app.query(query, { id: randomUUID() });
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toEqual({ [name]: null });
  });
});

describe('orders', () => {
  it.each([
    [{ first: -1 }, '`first` is between 0 and 100, not -1.'],
    [{ first: 101 }, '`first` is between 0 and 100, not 101.'],
    [{ first: 1000 }, '`first` is between 0 and 100, not 1000.'],
    [{ last: -1 }, '`last` is between 0 and 100, not -1.'],
    [{ last: 1000 }, '`last` is between 0 and 100, not 1000.'],
    [{ first: 1, last: 1 }, 'Ask for `first` or for `last`, not for both.'],
  ])('makes no page of %j', async (variables, message) => {
    expect(await refused(ORDERS, variables)).toBe(message);
  });

  it.each(
    titled([
      { first: '1' },
      { first: 1.5 },
      { first: 2 ** 31 },
      { after: 5 },
      { sort: 'CHEAPEST' },
      { filter: { status: ['LOST'] } },
      { filter: { status: 5 } },
      { filter: { nonsense: 1 } },
      { filter: { placedFrom: 'yesterday' } },
      { filter: { placedFrom: '2024-02-30T00:00:00Z' } },
      { filter: { placedFrom: '2024-01-01' } },
      { filter: { placedBefore: '0000-01-01T00:00:00Z' } },
      { filter: { placedBefore: '0001-01-01T00:00:00+01:00' } },
      { filter: { placedBefore: '9999-12-31T23:59:59-01:00' } },
      { filter: { placedBefore: 5 } },
      { filter: { customerId: '' } },
      { filter: { customerId: 'nobody' } },
      { filter: { customerId: LONG } },
      { filter: { search: 'a\0b' } },
      { filter: { search: 'a\ud800b' } },
      { filter: { search: LONG } },
      { filter: { search: 'a '.repeat(21) } },
      { filter: { search: {} } },
    ]),
  )('refuses %s', async (_, variables) => {
    await refused(ORDERS, variables);
  });

  it('says where a literal is wrong, in the text and among the arguments', async () => {
    const answer = await app.query('{\n  orders(filter: { placedFrom: "yesterday" }) { totalCount }\n}');
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors).toMatchObject([
      { locations: [{ line: 2, column: 32 }], path: ['orders', 'filter', 'placedFrom'] },
    ]);
  });

  it('takes literals no more than variables', async () => {
    for (const args of [
      'first: "1"',
      'sort: CHEAPEST',
      'filter: { status: [LOST] }',
      'filter: { placedFrom: "soon" }',
      'size: 5',
    ]) {
      await refused(`{ orders(${args}) { edges { cursor } } }`, {});
    }
  });

  it('refuses cursors that it has not given out', async () => {
    const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
    const { data } = await app.query<{ orders: { edges: { cursor: string }[] } }>(ORDERS, { first: 1 });
    const [name = ''] = JSON.parse(Buffer.from(data.orders.edges[0]?.cursor ?? '', 'base64url').toString());
    const forged = [
      ...[
        '',
        'nope',
        'AAAA',
        LONG,
        'a\0b',
        'a\ud800b',
        cursor(),
        cursor('nonsense', 'x', 'y'),
        cursor(name),
        cursor(name, 1, 2),
      ],
      ...[
        cursor(name, 'x', 'y'),
        cursor(name, '', ''),
        cursor(name, '\0', '\0'),
        cursor(name, '2024-01-01T00:00:00Z', 'y'),
      ],
      ...[cursor(name, '9'.repeat(1000), randomUUID()), cursor(name, 'a\ud800b', randomUUID())],
    ];
    for (const place of ['after', 'before']) {
      for (const value of forged) expect(await refused(ORDERS, { [place]: value })).toMatch(/cursor/i);
    }
  });

  it('refuses a cursor of another order of the list', async () => {
    const { data } = await app.query<{ orders: { edges: { cursor: string }[] } }>(ORDERS, { sort: 'TOTAL_DESC' });
    const after = data.orders.edges[0]?.cursor;
    expect((await app.query(ORDERS, { sort: 'TOTAL_DESC', after })).errors).toBeUndefined();
    expect(await refused(ORDERS, { after })).toMatch(/^This cursor is not one of this list in this order/);
    expect(await refused(ORDERS, { after, sort: 'PLACED_AT_ASC' })).toMatch(/^This cursor is not/);
  });
});

describe('orderStatistics', () => {
  it.each([['a\0b'], ['a\ud800b'], [null], [5], [{}]])('refuses the currency %j', async (currency) => {
    await refused(STATISTICS, { currency });
  });

  it.each([[''], ['gbp'], ['XXX'], ['£'], ["'; drop table read.orders_v3; --"]])(
    'has nothing in the currency %j',
    async (currency) => {
      expect((await app.query(STATISTICS, { currency })).data).toEqual({ orderStatistics: [] });
    },
  );
});

describe("a customer's orders", () => {
  it('are paged under the same rules', async () => {
    const { customerId } = await openShop(app).finally(async () => (before = await logSize(app.database)));
    await app.engine.projector.positions.reached('customers', app.engine.projector.head.position);
    const query =
      'query ($id: ID!, $first: Int, $after: String) { customer(id: $id) { orders(first: $first, after: $after) { edges { cursor } } } }';
    for (const variables of [{ first: -1 }, { first: 1000 }, { after: 'nope' }, { first: 'x' }]) {
      await refused(query, { id: customerId, ...variables });
    }
  });
});

describe('a document', () => {
  it.each([
    ['nothing', ''],
    ['no GraphQL', 'select * from es.events'],
    ['half of one', '{ projections {'],
    ['a field that there is not', '{ nonsense }'],
    ['a scalar with a selection', '{ projections { name { length } } }'],
    ['an object without one', '{ projections }'],
    ['an argument that there is not', '{ product(id: "a", name: "b") { id } }'],
    ['an argument that is missing', '{ product { id } }'],
    ['a variable that is not declared', '{ product(id: $id) { id } }'],
    ['a variable of another type', 'query ($id: Int!) { product(id: $id) { id } }'],
    ['a fragment that there is not', '{ ...Nonsense }'],
    [
      'fragments in a circle',
      '{ projections { ...A } } fragment A on ProjectionStatus { ...B } fragment B on ProjectionStatus { ...A }',
    ],
    ['a directive that there is not', '{ projections { name @nonsense } }'],
    [
      '@readAfter where it cannot be',
      'mutation @readAfter(token: "x") { confirmOrder(input: { orderId: "x" }) { __typename } }',
    ],
    [
      'a subscription to two things',
      'subscription { projectionUpdated { projection } caughtUp(token: "x") { projection } }',
    ],
    ['a type definition', 'type A { b: Int }'],
    ['NUL', '{ projections\0 { name } }'],
  ])('of %s is refused in words', async (_, query) => {
    await refused(query, {});
    // Also when it is known by now.
    await refused(query, {});
  });

  it('with a typing error is told what there is, as a help', async () => {
    expect(await refused('{ projectons { name } }', {})).toBe(
      'Cannot query field "projectons" on type "Query". Did you mean "projections", "products", "processes", or "product"?',
    );
  });
});
