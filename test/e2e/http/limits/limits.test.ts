import { getIntrospectionQuery } from 'graphql';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { openShop, placeOrder } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';

describe('an operation', () => {
  const app = useApp({
    fulfils: false,
    env: {
      GRAPHQL_MAX_DEPTH: '7',
      GRAPHQL_MAX_ALIASES: '3',
      GRAPHQL_MAX_TOKENS: '200',
      GRAPHQL_MAX_COST: '300',
      INTROSPECTION: 'off',
    },
  });
  let orderId: string;
  beforeAll(async () => {
    orderId = (await placeOrder(app, await openShop(app))).aggregateId;
  });
  const passes = async (query: string, variables?: object) => {
    const answer = await app.query(query, { ...variables });
    expect(answer.errors, answer.text).toBeUndefined();
  };
  const refused = async (query: string, message: RegExp, variables?: object) => {
    const answer = await app.query(query, { ...variables });
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.data).toBeUndefined();
    expect(answer.errors?.[0]?.message).toMatch(message);
    // A parsed document is cached, and so are its mistakes.
    expectRequestError(await app.query(query, { ...variables }), 'BAD_USER_INPUT');
  };

  it('may be nested as deep as GRAPHQL_MAX_DEPTH and no deeper, fragments or not', async () => {
    const tooDeep = /^Query depth limit of 7 exceeded, found 8\.$/;
    const order = (inner: string) =>
      `{ order(id: "${orderId}") { customer { orders(first: 1) { edges { node { ${inner} } } } } } }`;
    await passes(order('total { amount }'));
    await refused(order('items { product { id } }'), tooDeep);
    await passes(`${order('...F')} fragment F on Order { total { amount } }`);
    await refused(`${order('...F')} fragment F on Order { items { product { id } } }`, /depth limit of 7 exceeded/);
    await passes(order('... on Order { ... { total { amount } } }'));
    await refused(order('... on Order { ... { items { product { id } } } }'), /depth limit of 7 exceeded/);
  });

  it('may have as many aliases as GRAPHQL_MAX_ALIASES and no more', async () => {
    const aliases = (count: number) => Array.from({ length: count }, (_, n) => `a${n}: projections { name }`).join(' ');
    await passes(`{ ${aliases(3)} }`);
    await refused(`{ ${aliases(4)} }`, /^Aliases limit of 3 exceeded, found 4\.$/);
    await refused(`{ ...F } fragment F on Query { ${aliases(4)} }`, /^Aliases limit of 3 exceeded/);
  });

  it('may have as many tokens as GRAPHQL_MAX_TOKENS and no more', async () => {
    const tokens = (count: number) => `{ appendQueue { ${'depth '.repeat(count - 5)} } }`;
    await passes(tokens(200));
    await refused(tokens(201), /^Token limit of 200 exceeded\.$/);
  });

  it('may cost as much as GRAPHQL_MAX_COST and no more, whether sizes are literals or variables', async () => {
    const orders = (args: string) => `orders(${args}) { edges { node { id } } }`;
    // 2 + first × (2 + (22 + 1)): an order's row counts for 20.
    await passes(`{ ${orders('first: 11')} }`);
    await refused(`{ ${orders('first: 12')} }`, /^Query Cost limit of 300 exceeded, found 302/);
    await refused(`{ ${orders('last: 12')} }`, /^Query Cost limit of 300 exceeded/);
    const withVariable = `query ($n: Int = 12) { ${orders('first: $n')} }`;
    await passes(withVariable, { n: 11 });
    await refused(withVariable, /^Query Cost limit of 300 exceeded, found 302/, { n: 12 });
    await refused(withVariable, /^Query Cost limit of 300 exceeded/);
    await refused(`query ($n: Int!) { ...F } fragment F on Query { ${orders('first: $n')} }`, /^Query Cost limit/, {
      n: 100,
    });
    // Without one, the default is 20.
    const longer = 'edges { node { id } }';
    await passes(`{ orders(first: 10) { ${longer} } }`);
    for (const args of ['', '(sort: TOTAL_DESC)', '(first: null)']) {
      await refused(`{ orders${args} { ${longer} } }`, /^Query Cost limit of 300 exceeded, found 502/);
    }
    await refused(`query ($n: Int) { orders(first: $n) { ${longer} } }`, /^Query Cost limit/);
    await refused(`{ ${orders('first: 1')} b: ${orders('first: 11')} }`, /^Query Cost limit/);
  });

  it('costs what it does even if another of its document was fine with the same variables', async () => {
    const orders = (of: string) => `orders(first: $n) { edges { ${of} } }`;
    const both = `query Small($n: Int) { ${orders('cursor')} } query Large($n: Int) { ${orders('node { id }')} }`;
    const ask = (operationName: string) => app.query(both, { n: 70 }, { operationName });
    for (let time = 1; time <= 2; time++) {
      expect((await ask('Small')).errors).toBeUndefined();
      expectRequestError(await ask('Large'), 'BAD_USER_INPUT');
    }
  });

  it('of a mutation has the same limits, and does not take effect beyond them', async () => {
    const cancel = `cancelOrder(input: { orderId: "${orderId}", reason: "No." }) { __typename }`;
    await refused(`mutation { a: ${cancel} b: ${cancel} c: ${cancel} d: ${cancel} }`, /limit of/);
    const answer = await app.query<{ order: { status: string } }>(`{ order(id: "${orderId}") { status } }`);
    expect(answer.data.order.status).toBe('PLACED');
  });

  it('is not told names of the schema if INTROSPECTION is off, neither of fields nor of values', async () => {
    const wrong: [string, object?][] = [
      ['{ projectons { name } }'],
      ['{ projections { nam } }'],
      ['{ order(ids: "x") { id } }'],
      ['{ orders(sort: PLACED_AT_DES) { edges { cursor } } }'],
      ['{ projections { ...F } } fragment F on ProjectionStatu { name }'],
      ['query ($sort: OrderSort) { orders(sort: $sort) { edges { cursor } } }', { sort: 'PLACED_AT_DES' }],
      ['query ($filter: OrderFilter) { orders(filter: $filter) { edges { cursor } } }', { filter: { serch: 'x' } }],
    ];
    for (const [query, variables] of wrong) {
      const answer = await app.query(query, { ...variables });
      expectRequestError(answer, 'BAD_USER_INPUT');
      expect(answer.text).not.toMatch(/did you mean/i);
    }
  });

  it('may not ask for the schema if INTROSPECTION is off', async () => {
    await refused('{ __schema { queryType { name } } }', /introspection/i);
    await refused('{ __type(name: "Order") { name } }', /introspection/i);
    await passes(`{ __typename projections { __typename } }`);
  });
});

describe('with the limits of a fresh installation', () => {
  const app = useApp({ fulfils: false });

  it('the whole schema can be asked for', async () => {
    const answer = await app.query<{ __schema: { types: object[] } }>(
      getIntrospectionQuery({
        descriptions: true,
        directiveIsRepeatable: true,
        inputValueDeprecation: true,
        oneOf: true,
      }),
    );
    expect(answer.errors).toBeUndefined();
    expect(answer.data.__schema.types.length).toBeGreaterThan(30);
  });

  it('a page of a hundred orders with all that they have can be asked for', async () => {
    const answer = await app.query(
      `query ($first: Int!, $after: String) { orders(first: $first, after: $after) { pageInfo { hasNextPage endCursor } edges { cursor node {
        id status itemCount version placedAt updatedAt carrier trackingNumber cancellationReason
        total { amount currency } customer { id name email version }
        shippingAddress { line1 line2 city postalCode country }
        items { quantity unitPrice { amount currency } lineTotal { amount currency } product { id sku name stock price { amount currency } } }
      } } } }`,
      { first: 100 },
    );
    expect(answer.errors).toBeUndefined();
  });

  it('a query that would read a million rows is refused', async () => {
    const nested = (inner: string) => `orders(first: $n) { edges { node { customer { ${inner} } } } }`;
    const query = `query ($n: Int!) { ${nested(nested('orders(first: $n) { edges { cursor } }'))} }`;
    const answer = await app.query(query, { n: 100 });
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors?.[0]?.message).toMatch(/^Query Cost limit of 50000 exceeded/);
  });
});

describe('a body', () => {
  const app = useApp({ env: { MAX_BODY_BYTES: '30000000' } });

  it('may be as large as MAX_BODY_BYTES, whatever that is', async () => {
    const body = JSON.stringify({ query: '{ projections { name } }' });
    expect((await app.post(body + ' '.repeat(30_000_000 - body.length))).errors).toBeUndefined();
  });
});
