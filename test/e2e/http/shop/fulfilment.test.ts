import { describe, expect, it } from 'vitest';
import { fulfilmentIn, namesOf, orderIn, readFulfilment } from '../../../support/client/fulfilment.ts';
import {
  accepted,
  placeOrder,
  receiveStock,
  registerCustomer,
  registerProduct,
  unknownId,
} from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();

/** `products` is another read model than `fulfilments`: it may be a moment behind. */
async function stockOf(productId: string): Promise<{ stock: number; reserved: number; available: number }> {
  const query = 'query ($id: ID!) { product(id: $id) { stock reserved available } }';
  return (
    await app.query<{ product: { stock: number; reserved: number; available: number } }>(query, { id: productId })
  ).data.product;
}

async function openStockedShop(quantity = 10) {
  const [customer, product] = await Promise.all([registerCustomer(app), registerProduct(app)]);
  await receiveStock(app, product.aggregateId, quantity);
  return { customerId: customer.aggregateId, productId: product.aggregateId };
}

describe('an order that is placed', () => {
  it('is confirmed without anybody confirming it: stock reserved, payment authorised', async () => {
    const shop = await openStockedShop();
    const { aggregateId } = await placeOrder(app, shop);
    await orderIn(app, aggregateId, 'CONFIRMED');
    const fulfilment = await fulfilmentIn(app, aggregateId, 'CONFIRMED');
    expect(namesOf(fulfilment)).toEqual(['ORDER_PLACED', 'STOCK_RESERVED', 'PAYMENT_AUTHORIZED', 'ORDER_CONFIRMED']);
    expect(fulfilment.failure).toBeNull();
    await expect.poll(() => stockOf(shop.productId)).toEqual({ stock: 10, reserved: 2, available: 8 });
  });

  it('is cancelled with the reason if the card is declined, and the stock is there for others again', async () => {
    const shop = await openStockedShop();
    const { aggregateId } = await placeOrder(app, shop, { paymentMethod: 'tok_declined' });
    const order = await orderIn(app, aggregateId, 'CANCELLED');
    expect(order.cancellationReason).toBe('The payment was declined: The card was declined.');
    const fulfilment = await fulfilmentIn(app, aggregateId, 'FAILED');
    expect(fulfilment.failure).toBe(order.cancellationReason);
    expect(namesOf(fulfilment)).toEqual([
      'ORDER_PLACED',
      'STOCK_RESERVED',
      'PAYMENT_REFUSED',
      'ORDER_CANCELLED',
      'STOCK_RELEASED',
    ]);
    await expect.poll(() => stockOf(shop.productId)).toEqual({ stock: 10, reserved: 0, available: 10 });
  });

  it('is cancelled with the reason if there is not enough in stock', async () => {
    const shop = await openStockedShop(1);
    const { aggregateId } = await placeOrder(app, shop);
    const order = await orderIn(app, aggregateId, 'CANCELLED');
    expect(order.cancellationReason).toBe('Out of stock: TEAPOT-1: 2 more are wanted, and 1 are available.');
    expect(namesOf(await fulfilmentIn(app, aggregateId, 'FAILED'))).toEqual([
      'ORDER_PLACED',
      'STOCK_REFUSED',
      'ORDER_CANCELLED',
    ]);
    await expect.poll(() => stockOf(shop.productId)).toEqual({ stock: 1, reserved: 0, available: 1 });
  });

  it('has a fulfilment for every read with the token of the receipt', async () => {
    const shop = await openStockedShop();
    const { aggregateId, token } = await placeOrder(app, shop);
    const { data, errors } = await readFulfilment(app, aggregateId, { 'read-after': token });
    expect(errors).toBeUndefined();
    expect(data.fulfilment?.steps[0]?.name).toBe('ORDER_PLACED');
  });

  it('has none if there is no such order', async () => {
    expect((await readFulfilment(app, unknownId())).data.fulfilment).toBeNull();
  });
});

describe('a confirmed order', () => {
  it('is paid when it is shipped, and its pieces have left the stock', async () => {
    const shop = await openStockedShop();
    const { aggregateId: orderId } = await placeOrder(app, shop);
    await orderIn(app, orderId, 'CONFIRMED');
    await accepted(app, 'shipOrder', { orderId, carrier: 'Royal Mail', trackingNumber: 'RM1' });
    const fulfilment = await fulfilmentIn(app, orderId, 'COMPLETED');
    expect(namesOf(fulfilment).slice(4).sort()).toEqual(['ORDER_SHIPPED', 'PAYMENT_CAPTURED', 'STOCK_SHIPPED']);
    await expect.poll(() => stockOf(shop.productId)).toEqual({ stock: 8, reserved: 0, available: 8 });
  });

  it('gives the payment and the stock back when it is cancelled', async () => {
    const shop = await openStockedShop();
    const { aggregateId: orderId } = await placeOrder(app, shop);
    await fulfilmentIn(app, orderId, 'CONFIRMED');
    await accepted(app, 'cancelOrder', { orderId, reason: 'Changed my mind.' });
    const fulfilment = await fulfilmentIn(app, orderId, 'FAILED');
    expect(fulfilment.failure).toBe('Changed my mind.');
    expect(namesOf(fulfilment).slice(4).sort()).toEqual(['ORDER_CANCELLED', 'PAYMENT_VOIDED', 'STOCK_RELEASED']);
    await expect.poll(() => stockOf(shop.productId)).toEqual({ stock: 10, reserved: 0, available: 10 });
  });
});
