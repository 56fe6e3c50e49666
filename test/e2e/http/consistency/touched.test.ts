import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted, openShop, placeOrder, type Shop } from '../../../support/client/shop.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp();
let shop: Shop;
let orderId: string;
/** Position of an event that `customers` cannot apply, and that all others have applied. */
let token: string;
let release: () => Promise<void>;

beforeEach(async () => {
  shop = await openShop(app);
  const order = await placeOrder(app, shop);
  orderId = order.aggregateId;
  await caughtUp(order.token, 'customers', 'products', 'orders');
  release = await stall(app.database, 'customers');
  ({ token } = await accepted(app, 'renameCustomer', { customerId: shop.customerId, name: 'Countess' }));
  await caughtUp(token, 'products', 'orders');
});
afterEach(() => release());

const caughtUp = (reached: string, ...names: string[]) =>
  until(() => names.every((name) => app.engine.projector.positions.of(name) >= app.engine.tokens.decode(reached)));

/** Asks with a token; the ids are put in for ORDER, CUSTOMER and PRODUCT. */
const ask = (body: string, timeoutMs = 40) => {
  const ids = { ORDER: orderId, CUSTOMER: shop.customerId, PRODUCT: shop.productId };
  const document = body.replace(/ORDER|CUSTOMER|PRODUCT/g, (name) => `"${ids[name as keyof typeof ids]}"`);
  return app.query(document.replace('@after', `@readAfter(token: "${token}", timeoutMs: ${timeoutMs})`));
};

describe('a query is not delayed by a read model that it does not touch', () => {
  it.each([
    ['products', '{ product(id: PRODUCT) { name price { amount } } }'],
    ['the order alone', '{ order(id: ORDER) { status total { amount } items { quantity product { name } } } }'],
    ['the order by another name', '{ mine: order(id: ORDER) { number: id } }'],
    ['statistics', '{ orderStatistics(currency: "GBP") { count revenue { amount } } }'],
    ['where read models stand', '{ projections { name position } }'],
    ['types', '{ __typename __schema { queryType { name } } }'],
    ['a fragment of the order', '{ order(id: ORDER) { ...F } } fragment F on Order { items { product { id } } }'],
    [
      'another operation of the document',
      '{ product(id: PRODUCT) { name } } query B { customer(id: CUSTOMER) { name } }',
    ],
  ])('when it reads %s', async (_, body) => {
    const document = body.replace('{', 'query A @after {');
    const answer = await ask(document, 10_000);
    if (body.includes('query B')) expect(answer.errors?.[0]?.message).toContain('Could not determine what operation');
    else expect(answer.errors, answer.text).toBeUndefined();
    expect(answer.consistency.stale ?? false).toBe(false);
  });

  it('when another operation of the same document does', async () => {
    const query = `query A @readAfter(token: "${token}") { product(id: "${shop.productId}") { name } }
      query B { customer(id: "${shop.customerId}") { name } }`;
    const answer = await app.query(query, {}, { operationName: 'A' });
    expect(answer.data).toEqual({ product: { name: 'Teapot' } });
  });
});

describe('a query waits for a read model that it touches', () => {
  it.each([
    ['at its root', '{ customer(id: CUSTOMER) { id } }'],
    ['by another name', '{ product(id: PRODUCT) { name } who: customer(id: CUSTOMER) { id } }'],
    ['deep in another', '{ order(id: ORDER) { id customer { name } } }'],
    ['through a list', '{ orders(first: 1) { edges { node { customer { id } } } } }'],
    ['by searching it', '{ orders(first: 1, filter: { search: "countess" }) { edges { cursor } } }'],
    ['in an inline fragment', '{ order(id: ORDER) { ... on Order { customer { id } } } }'],
    ['in an inline fragment without a type', '{ ... { customer(id: CUSTOMER) { id } } }'],
    ['in a fragment', '{ order(id: ORDER) { ...F } } fragment F on Order { customer { id } }'],
    [
      'in a fragment of a fragment',
      '{ ...G } fragment G on Query { order(id: ORDER) { ...F } } fragment F on Order { customer { id } }',
    ],
  ])('%s', async (_, body) => {
    const answer = await ask(body.replace('{', 'query @after {'));
    expectRequestError(answer, 'CONSISTENCY_TIMEOUT');
    expect(answer.errors?.[0]?.extensions.projection).toBe('customers');
  });
});
