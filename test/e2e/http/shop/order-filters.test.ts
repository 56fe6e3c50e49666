import { beforeAll, describe, expect, it } from 'vitest';
import { placeOrder as place } from '../../../../src/domains/orders/index.ts';
import { ADDRESS, accepted, registerCustomer, registerProduct } from '../../../support/client/shop.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { system } from '../../../support/kernel/counter.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });
const ids: Record<string, string> = {};
let token: string;

/** Five orders, of two customers, in two currencies, each in another state. */
beforeAll(async () => {
  const ada = (await registerCustomer(app, { name: 'Ada Lovelace', email: 'countess@example.org' })).aggregateId;
  const bob = (await registerCustomer(app, { name: 'Bob Émile 100%_b', email: 'bob@example.org' })).aggregateId;
  const teapot = (await registerProduct(app, { sku: 'TEA-85123A', name: 'WHITE Hanging Teapot' })).aggregateId;
  const cup = (
    await registerProduct(app, { sku: 'CUP', name: 'Cup \\ saucer ÜBERSICHT', price: { amount: 5, currency: 'EUR' } })
  ).aggregateId;
  const order = async (name: string, customerId: string, productId: string, at: string, quantity = 1) => {
    const input = { customerId, items: [{ productId, quantity }], shippingAddress: ADDRESS };
    const options = { ...system, occurredAt: new Date(at) };
    ids[name] = receiptOf(await app.engine.bus.execute(place, input, options)).aggregateId;
  };
  await order('placed', ada, teapot, '2024-01-01T00:00:00Z', 2);
  await order('confirmed', ada, teapot, '2024-01-02T00:00:00Z');
  await order('shipped', bob, teapot, '2024-01-03T00:00:00Z');
  await order('delivered', bob, cup, '2024-01-04T00:00:00Z', 3);
  await order('cancelled', bob, teapot, '2024-01-05T00:00:00Z');
  for (const name of ['confirmed', 'shipped', 'delivered']) await accepted(app, 'confirmOrder', { orderId: ids[name] });
  await accepted(app, 'shipOrder', { orderId: ids.shipped, carrier: 'Royal Mail', trackingNumber: 'RM-77' });
  await accepted(app, 'shipOrder', { orderId: ids.delivered, carrier: 'UPS', trackingNumber: '1Z9' });
  await accepted(app, 'confirmDelivery', { orderId: ids.delivered });
  ({ token } = await accepted(app, 'cancelOrder', { orderId: ids.cancelled, reason: 'No.' }));
});

async function found(filter: object): Promise<string[]> {
  const query = `query ($filter: OrderFilter, $token: ConsistencyToken!) @readAfter(token: $token) {
    orders(filter: $filter, sort: PLACED_AT_ASC) { edges { node { id } } }
  }`;
  const answer = await app.query<{ orders: { edges: { node: { id: string } }[] } }>(query, { filter, token });
  expect(answer.errors, answer.text).toBeUndefined();
  return answer.data.orders.edges.map(({ node }) => Object.keys(ids).find((name) => ids[name] === node.id) ?? '?');
}

const ALL = ['placed', 'confirmed', 'shipped', 'delivered', 'cancelled'];

describe('orders filtered', () => {
  it.each([
    ['by nothing', {}, ALL],
    ['by null', { status: null, customerId: null, placedFrom: null, placedBefore: null, search: null }, ALL],
    ['by a status', { status: ['PLACED'] }, ['placed']],
    ['by a status that is not in a list', { status: 'SHIPPED' }, ['shipped']],
    ['by statuses', { status: ['CANCELLED', 'CONFIRMED'] }, ['confirmed', 'cancelled']],
    ['by no status at all', { status: [] }, []],
    ['from an instant, which is included', { placedFrom: '2024-01-04T00:00:00Z' }, ['delivered', 'cancelled']],
    ['before an instant, which is not', { placedBefore: '2024-01-02T00:00:00Z' }, ['placed']],
    ['by an instant elsewhere', { placedBefore: '2024-01-02T03:00:00+03:00' }, ['placed']],
    [
      'by all at once',
      { status: ['SHIPPED', 'PLACED'], placedFrom: '2024-01-02T00:00:00Z', search: 'teapot' },
      ['shipped'],
    ],
  ])('%s', async (_, filter, expected) => {
    expect(await found(filter)).toEqual(expected);
  });
});

describe('orders searched', () => {
  it.each([
    ['a stock code', 'tea-85123a', ['placed', 'confirmed', 'shipped', 'cancelled']],
    ['a part of a name, in any case', 'hangING', ['placed', 'confirmed', 'shipped', 'cancelled']],
    ['the carrier', 'royal mail', ['shipped']],
    ['the tracking number', '1z9', ['delivered']],
    ["the customer's name", 'lovelace', ['placed', 'confirmed']],
    ["the customer's e-mail address", 'countess@', ['placed', 'confirmed']],
    ['words of several of these, in any order', '  bob   TEAPOT ', ['shipped', 'cancelled']],
    ['a word that is nowhere', 'coffee', []],
    ['words that are not all in one order', 'ups teapot', []],
    ['nothing', '  ', ALL],
    ['a per cent sign as it stands', '100%', ['shipped', 'delivered', 'cancelled']],
    ['an underscore as it stands', '%_b', ['shipped', 'delivered', 'cancelled']],
    ['a pattern that is none', 't%t', []],
    ['a backslash', '\\ saucer', ['delivered']],
    ['a quote', "o'clock", []],
    ['a name without its accent', 'emile', ['shipped', 'delivered', 'cancelled']],
    ['a name with its accent apart', 'E\u0301MILE', ['shipped', 'delivered', 'cancelled']],
    ['an item in another case, with its accent', 'übersicht', ['delivered']],
    ['an item without its accent', 'Ubersicht', ['delivered']],
    ['an emoji', '🫖', []],
  ])('for %s', async (_, search, expected) => {
    expect(await found({ search })).toEqual(expected);
  });

  it('for a part of the id', async () => {
    expect(await found({ search: ids.shipped?.slice(-12) })).toEqual(['shipped']);
    expect(await found({ search: ids.shipped?.toUpperCase() })).toEqual(['shipped']);
  });

  it("for a customer's new name find them by it, and no more by the old one", async () => {
    const { aggregateId: customerId } = await registerCustomer(app, { name: 'Zebedee', email: 'z@example.org' });
    const productId = (await registerProduct(app)).aggregateId;
    const items = [{ productId, quantity: 1 }];
    ids.zebedee = (await accepted(app, 'placeOrder', { customerId, items, shippingAddress: ADDRESS })).aggregateId;
    ({ token } = await accepted(app, 'renameCustomer', { customerId, name: 'Yolanda' }));
    expect(await found({ search: 'yolanda' })).toEqual(['zebedee']);
    expect(await found({ search: 'zebedee' })).toEqual([]);
  });
});

describe('order statistics', () => {
  const statistics = async (currency: string) => {
    const query = `query ($currency: String!, $token: ConsistencyToken!) @readAfter(token: $token) {
      orderStatistics(currency: $currency) { status count revenue { amount currency } }
    }`;
    return (await app.query<{ orderStatistics: object[] }>(query, { currency, token })).data.orderStatistics;
  };

  it('count the orders of each state and add up what they cost, in one currency', async () => {
    const { customerId, productId } = {
      customerId: (await registerCustomer(app)).aggregateId,
      productId: (await registerProduct(app, { price: { amount: 2 ** 52, currency: 'JPY' } })).aggregateId,
    };
    const order = { customerId, items: [{ productId, quantity: 1 }], shippingAddress: ADDRESS };
    ({ token } = await accepted(app, 'placeOrder', order));
    expect(await statistics('EUR')).toEqual([
      { status: 'DELIVERED', count: 1, revenue: { amount: 15, currency: 'EUR' } },
    ]);
    expect(await statistics('JPY')).toEqual([
      { status: 'PLACED', count: 1, revenue: { amount: 2 ** 52, currency: 'JPY' } },
    ]);
    expect(await statistics('USD')).toEqual([]);
    const [placed, confirmed, shipped, cancelled] = await statistics('GBP');
    expect(placed).toMatchObject({ status: 'PLACED' });
    expect(confirmed).toEqual({ status: 'CONFIRMED', count: 1, revenue: { amount: 1999, currency: 'GBP' } });
    expect([shipped, cancelled]).toMatchObject([{ status: 'SHIPPED' }, { status: 'CANCELLED' }]);

    // Twice that is more than a whole number can be told exactly.
    ({ token } = await accepted(app, 'placeOrder', order));
    const answer = await app.query(
      'query ($token: ConsistencyToken!) @readAfter(token: $token) { orderStatistics(currency: "JPY") { count } }',
      { token },
    );
    expect(answer.errors).toMatchObject([
      { message: 'The revenue in JPY is more than can be told exactly.', extensions: { code: 'BAD_USER_INPUT' } },
    ]);
  });
});
