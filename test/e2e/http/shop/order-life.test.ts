import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { outcomeFields } from '../../../support/client/http-client.ts';
import {
  ADDRESS,
  accepted,
  openShop,
  placeOrder,
  receiveStock,
  registerCustomer,
  registerProduct,
} from '../../../support/client/shop.ts';
import { eventsOf } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

// People take each step: no process does.
const app = useApp({ fulfils: false });

const ORDER = `id status itemCount version carrier trackingNumber cancellationReason
  total { amount currency } customer { id name } shippingAddress { line1 line2 city postalCode country }
  items { quantity unitPrice { amount currency } lineTotal { amount } product { id sku name stock } }`;

/** Issues a command and reads the order at it, in one request. */
async function orderAfter(name: string, orderId: string, input: object = {}): Promise<Record<string, unknown>> {
  const { __typename, query } = await app.command<{ order: Record<string, unknown> }>(
    name,
    { orderId, ...input },
    { query: `order(id: "${orderId}") { ${ORDER} }` },
  );
  expect(__typename).toBe('CommandReceipt');
  return query.order;
}

describe('the life of an order', () => {
  it('goes from placing to delivery, each step readable in the very request that takes it', async () => {
    const { customerId, productId } = await openShop(app);
    const kettle = await registerProduct(app, {
      sku: 'KETTLE-1',
      name: 'Kettle',
      price: { amount: 2500, currency: 'GBP' },
    });
    await receiveStock(app, kettle.aggregateId);
    const orderId = randomUUID();
    const placed = await placeOrder(app, { customerId, productId }, { id: orderId });
    expect(placed).toMatchObject({ aggregateId: orderId, version: 1, replayed: false });

    const added = await orderAfter('addOrderItem', orderId, { productId: kettle.aggregateId, quantity: 1 });
    expect(added).toMatchObject({
      status: 'PLACED',
      itemCount: 3,
      version: 2,
      total: { amount: 6498, currency: 'GBP' },
    });
    const removed = await orderAfter('removeOrderItem', orderId, { productId: kettle.aggregateId });
    expect(removed).toMatchObject({ itemCount: 2, version: 3, total: { amount: 3998 } });
    expect(await orderAfter('confirmOrder', orderId)).toMatchObject({ status: 'CONFIRMED', version: 4, carrier: null });
    const parcel = { carrier: 'Royal Mail', trackingNumber: 'RM1' };
    expect(await orderAfter('shipOrder', orderId, parcel)).toMatchObject({ status: 'SHIPPED', version: 5, ...parcel });
    expect(await orderAfter('confirmDelivery', orderId)).toEqual({
      id: orderId,
      status: 'DELIVERED',
      itemCount: 2,
      version: 6,
      ...parcel,
      cancellationReason: null,
      total: { amount: 3998, currency: 'GBP' },
      customer: { id: customerId, name: 'Ada' },
      shippingAddress: { ...ADDRESS, line2: null },
      items: [
        {
          quantity: 2,
          unitPrice: { amount: 1999, currency: 'GBP' },
          lineTotal: { amount: 3998 },
          product: { id: productId, sku: 'TEAPOT-1', name: 'Teapot', stock: 100_000 },
        },
      ],
    });
    const events = await eventsOf(app.database, orderId);
    expect(events.map(({ type }) => type)).toEqual([
      ...['OrderPlaced', 'OrderItemAdded', 'OrderItemRemoved', 'OrderConfirmed', 'OrderShipped', 'OrderDelivered'],
    ]);
  });

  it('may end with a cancellation that says why', async () => {
    const order = await placeOrder(app, await openShop(app));
    const cancelled = await orderAfter('cancelOrder', order.aggregateId, { reason: 'Found a nicer teapot.' });
    expect(cancelled).toMatchObject({ status: 'CANCELLED', cancellationReason: 'Found a nicer teapot.', version: 2 });
    expect(
      await app.command('shipOrder', { orderId: order.aggregateId, carrier: 'UPS', trackingNumber: '1' }),
    ).toMatchObject({
      __typename: 'CommandRejected',
      code: 'ORDER_CANCELLED',
    });
  });

  it('keeps the price of the moment at which it was placed', async () => {
    const shop = await openShop(app);
    const order = await placeOrder(app, shop);
    const price = { amount: 9999, currency: 'GBP' };
    await accepted(app, 'changeProductPrice', { productId: shop.productId, price });
    const later = await placeOrder(app, shop);
    const total = async (id: string, token: string) => {
      const query = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { order(id: $id) { total { amount } } }`;
      return (await app.query<{ order: { total: object } }>(query, { id, token })).data.order.total;
    };
    expect(await total(order.aggregateId, later.token)).toEqual({ amount: 3998 });
    expect(await total(later.aggregateId, later.token)).toEqual({ amount: 19998 });
  });

  it('is refused for a customer or a product that nobody has registered', async () => {
    const shop = await openShop(app);
    const items = [{ productId: randomUUID(), quantity: 1 }];
    const order = { ...shop, items: [{ productId: shop.productId, quantity: 1 }], shippingAddress: ADDRESS };
    const { productId: _, ...input } = order;
    expect(await app.command('placeOrder', { ...input, customerId: randomUUID() })).toMatchObject({
      __typename: 'CommandRejected',
      code: 'CUSTOMER_NOT_FOUND',
    });
    expect(await app.command('placeOrder', { ...input, items })).toMatchObject({ code: 'PRODUCT_NOT_FOUND' });
  });
});

describe('a receipt', () => {
  it('names the command, the aggregate, its version and a token that the answer repeats in both other places', async () => {
    const commandId = randomUUID();
    const id = randomUUID();
    const answer = await app.tryCommand(
      'registerCustomer',
      { id, name: 'Bob', email: 'bob@example.org' },
      { commandId },
    );
    const receipt = answer.data?.registerCustomer;
    expect(receipt).toEqual({
      __typename: 'CommandReceipt',
      commandId,
      aggregateId: id,
      version: 1,
      token: expect.stringMatching(/^[\w-]{36}$/),
      replayed: false,
    });
    expect(answer.consistency.token).toBe(receipt?.token);
    expect(answer.headers.get('consistency-token')).toBe(receipt?.token);
  });

  it('makes the ids that the client leaves out', async () => {
    const receipt = await registerCustomer(app);
    expect(receipt.commandId).toMatch(/^[0-9a-f-]{36}$/);
    const { data } = await app.query(
      'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { name } }',
      {
        id: receipt.aggregateId,
        token: receipt.token,
      },
    );
    expect(data).toEqual({ customer: { name: 'Ada' } });
  });

  it('is given for a command that changes nothing, and nothing is appended', async () => {
    const { aggregateId: customerId } = await registerCustomer(app);
    expect(await accepted(app, 'renameCustomer', { customerId, name: 'Ada' })).toMatchObject({
      version: 1,
      replayed: false,
    });
    expect(await eventsOf(app.database, customerId)).toHaveLength(1);
  });

  it('comes with a token by which the whole of the request can be read, if it issues several commands', async () => {
    const [customerId, productId, orderId] = [randomUUID(), randomUUID(), randomUUID()];
    const answer = await app.query<Record<string, { token: string; version: number }>>(
      `mutation ($customer: RegisterCustomerInput!, $product: RegisterProductInput!, $stock: ReceiveStockInput!, $order: PlaceOrderInput!, $confirm: OrderInput!) {
        customer: registerCustomer(input: $customer) { ${outcomeFields()} }
        product: registerProduct(input: $product) { ${outcomeFields()} }
        stock: receiveStock(input: $stock) { ${outcomeFields()} }
        order: placeOrder(input: $order) { ${outcomeFields()} }
        confirm: confirmOrder(input: $confirm) { ${outcomeFields(`order(id: "${orderId}") { status version customer { name } items { product { name } } }`)} }
      }`,
      {
        customer: { id: customerId, name: 'Cleo', email: 'cleo@example.org' },
        product: { id: productId, sku: 'CUP', name: 'Cup', price: { amount: 100, currency: 'EUR' } },
        stock: { productId, quantity: 1 },
        order: { id: orderId, customerId, items: [{ productId, quantity: 1 }], shippingAddress: ADDRESS },
        confirm: { orderId },
      },
    );
    expect(answer.errors).toBeUndefined();
    expect(Object.values(answer.data).map(({ version }) => version)).toEqual([1, 1, 2, 1, 2]);
    expect(answer.consistency).toEqual({ token: answer.data.confirm?.token, stale: false });
    expect(answer.data.confirm).toHaveProperty('query.order', {
      status: 'CONFIRMED',
      version: 2,
      customer: { name: 'Cleo' },
      items: [{ product: { name: 'Cup' } }],
    });
  });

  it('reads in each of several commands what was there at that command, not what was loaded before', async () => {
    const { aggregateId: id } = await registerCustomer(app);
    const rename = (alias: string, name: string) =>
      `${alias}: renameCustomer(input: { customerId: "${id}", name: "${name}" }) { ${outcomeFields(`customer(id: "${id}") { name }`)} }`;
    const { data } = await app.query(`mutation { ${rename('first', 'One')} ${rename('second', 'Two')} }`);
    expect(data).toMatchObject({
      first: { query: { customer: { name: 'One' } } },
      second: { query: { customer: { name: 'Two' } } },
    });
  });
});
