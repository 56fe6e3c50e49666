import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false, env: { INPUT_MAX_BYTES: '200000', MAX_BODY_BYTES: '10000000' } });
const connect = useTransports(app);

const refusal = async (query: string, variables: Record<string, unknown>) => {
  const answer = await app.query(query, variables);
  expectRequestError(answer, 'BAD_USER_INPUT');
  expect(answer.text.length).toBeLessThan(2000);
  return answer.errors?.[0];
};
const aliased = (count: number, field: string) =>
  Array.from({ length: count }, (_, nth) => `a${nth}: ${field}`).join(' ');
const ORDERS = `query ($filter: OrderFilter) { ${aliased(25, 'orders(first: 1, filter: $filter) { edges { cursor } }')} }`;

describe('the variables of an operation', () => {
  it('are refused if a list is too long, by its length alone', async () => {
    const error = await refusal(ORDERS, { filter: { status: Array(18_000).fill('PLACED') } });
    expect(error?.message).toBe('The list at $filter.status has 18000 elements; at most 1000 are allowed.');
    expect(error?.extensions).toMatchObject({ path: '$filter.status', limit: 1000, given: 18_000 });
  });

  it('are not parsed if they have more values than twenty of the longest lists', async () => {
    expect((await refusal(ORDERS, { filter: { status: Array(180_000).fill('PLACED') } }))?.message).toBe(
      'The body has more than 20000 elements of lists and fields of objects.',
    );
  });

  it('may hold a list of the longest length', async () => {
    const query = 'query ($filter: OrderFilter) { orders(first: 1, filter: $filter) { edges { cursor } } }';
    const answer = await app.query(query, { filter: { status: Array(1000).fill('PLACED') } });
    expect(answer.errors).toBeUndefined();
  });

  it('hold no list that is too long even if none of its elements would be taken, or nothing uses it', async () => {
    const list = Array(1001).fill('LOST');
    const tooLong = /^The list at \$\w+(\.\w+)? has 1001 elements; at most 1000 are allowed\.$/;
    expect((await refusal(ORDERS, { filter: { status: list } }))?.message).toMatch(tooLong);
    expect((await refusal('{ projections { name } }', { unused: list }))?.message).toMatch(tooLong);
    expect((await refusal('query ($id: ID!) { order(id: $id) { id } }', { id: list }))?.message).toMatch(tooLong);
  });

  it('hold no object with too many fields', async () => {
    const filter = Object.fromEntries(Array.from({ length: 1001 }, (_, nth) => [`f${nth}`, 1]));
    expect((await refusal(ORDERS, { filter }))?.message).toBe(
      'The object at $filter has 1001 fields; at most 1000 are allowed.',
    );
  });

  it('hold no string that is too long, wherever it is', async () => {
    const long = 'x'.repeat(100_001);
    const inList = { filter: { status: ['PLACED', long] } };
    expect((await refusal(ORDERS, inList))?.message).toBe(
      'The string at $filter.status.1 has 100001 characters; at most 100000 are allowed.',
    );
    const command = await app.tryCommand('renameCustomer', { customerId: long, name: 'Ada' });
    expectRequestError(command, 'BAD_USER_INPUT');
  });

  it('are not nested without end', async () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect((await refusal(ORDERS, { filter: nested(50) }))?.message).toMatch(
      /has 33 levels; at most 32 are allowed\.$/,
    );
    // Refused before it is parsed.
    expect((await refusal(ORDERS, { filter: nested(5000) }))?.message).toBe(
      'The body is nested more than 100 levels deep.',
    );
  });

  it('are not larger than INPUT_MAX_BYTES together', async () => {
    const text = 'ü'.repeat(60_000);
    expect((await refusal(ORDERS, { a: text, b: text }))?.message).toBe(
      'The variables are larger than the 200000 bytes that are allowed.',
    );
  });

  it('are limited in subscriptions too, on every transport', async () => {
    const query = 'subscription ($keys: [ID!]) { projectionUpdated(keys: $keys) { projection } }';
    for (const way of ['WebSocket', 'SSE by POST'] as const) {
      const feed = connect(way).subscribe(query, { keys: Array(18_000).fill('a') });
      const message = await feed.next();
      expect(message.errors?.[0]?.message).toBe('The list at $keys has 18000 elements; at most 1000 are allowed.');
    }
  });
});

describe('lists in variables', () => {
  it('cost a point an element each time that they are used', async () => {
    const query = (count: number) =>
      `query ($filter: OrderFilter) { ${aliased(count, 'orders(first: 1, filter: $filter) { edges { cursor } }')} }`;
    const lists = { filter: { status: Array(900).fill('PLACED'), x: [Array(1000).fill('PLACED')] } };
    // 1,901 elements at each of 28 places are more than 50,000 points; at one place the unknown field is told.
    expect((await refusal(query(28), lists))?.message).toMatch(/^Query Cost limit of 50000 exceeded, found 53/);
    expect((await refusal(query(1), lists))?.message).toMatch(/"x" is not defined/);
  });
});

describe('a command', () => {
  beforeAll(async () => void (await registerCustomer(app)));

  it('is not executed beyond a limit', async () => {
    const items = Array.from({ length: 1001 }, () => ({ productId: 'p', quantity: 1 }));
    const before = app.engine.projector.head.position;
    const answer = await app.tryCommand('placeOrder', { customerId: 'c', items });
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors?.[0]?.message).toBe('The list at $input.items has 1001 elements; at most 1000 are allowed.');
    expect(app.engine.projector.head.position).toBe(before);
  });
});

describe('an error', () => {
  const LONG = 'x'.repeat(90_000);

  it.each<[string, object]>([
    ['a name that does not exist', { query: `{ ${LONG} }` }],
    ['a name in a wrong place', { query: `query query query ${LONG} {` }],
    [
      'many names that do not exist',
      { query: `{ ${Array.from({ length: 900 }, (_, n) => `unknown${n}`).join(' ')} }` },
    ],
    ['a value of a variable', { query: ORDERS, variables: { filter: { search: [LONG] } } }],
    ['many values', { query: ORDERS, variables: { filter: { status: Array(1000).fill(LONG.slice(0, 100)) } } }],
    ['an id', { query: 'query ($id: ID!) { order(id: $id) { id } }', variables: { id: LONG } }],
    ['the name of an operation', { query: '{ projections { name } }', operationName: LONG }],
    ['the name of a parameter', { query: '{ projections { name } }', [LONG]: 1 }],
    ['a cursor', { query: `{ orders(after: "${LONG}") { edges { cursor } } }` }],
  ])('does not repeat %s at length', async (_, body) => {
    const answer = await app.post(JSON.stringify(body));
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors?.length).toBeLessThanOrEqual(11);
    expect(answer.text.length).toBeLessThan(11 * 1000);
  });

  it('of a subscription does not either', async () => {
    const query = 'subscription ($names: [String!]) { projectionUpdated(projections: $names) { projection } }';
    const message = await connect('WebSocket')
      .subscribe(query, { names: [LONG] })
      .next();
    expect(message.errors).toHaveLength(1);
    expect(JSON.stringify(message.errors).length).toBeLessThan(1000);
  });
});
