import { describe, it } from 'vitest';
import { OrderConfirmed, OrderItemAdded, OrderPlaced, placeOrder } from '../../../src/domains/orders/order.ts';
import { confirmPaidOrder, recordOrder } from '../../../src/domains/orders/order-fulfilment.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { ADA, ADMIN, HOME, LAMP, lamp, mug, ORDER, STAFF } from '../fixtures.ts';
import { IN_STATUS, inShop } from './shop.ts';

const wish = { customerId: ADA, items: [{ productId: LAMP, quantity: 1 }], shippingAddress: HOME };
const facts = { customerId: ADA, items: [lamp()], shippingAddress: HOME };

describe('placing an order', () => {
  it('takes a token of the payment gateway, or the usual one', async () => {
    const placed = (paymentMethod: string) => OrderPlaced({ ...facts, fulfilled: 'HERE', paymentMethod });
    const paidWith = (paymentMethod: string | null) => inShop().when(placeOrder, { ...wish, paymentMethod });
    await paidWith('tok_declined').thenEvents(placed('tok_declined'));
    await paidWith(null).thenEvents(placed('tok_ok'));
    for (const bad of ['', 'card 4242', 'x'.repeat(201)]) await paidWith(bad).thenInvalid('paymentMethod');
  });
});

describe('recording an order', () => {
  it('says that it is fulfilled elsewhere', () =>
    inShop()
      .when(recordOrder, wish)
      .thenEvents(OrderPlaced({ ...facts, fulfilled: 'ELSEWHERE', paymentMethod: null })));

  it('is for the application alone', async () => {
    await inShop().by(STAFF).when(recordOrder, wish).thenForbidden();
    await inShop()
      .by(SYSTEM)
      .when(recordOrder, wish)
      .thenEvents(OrderPlaced({ ...facts, fulfilled: 'ELSEWHERE', paymentMethod: null }));
  });

  it('is refused as placing one is', () =>
    inShop(IN_STATUS.PLACED).when(recordOrder, wish).thenRejected('ORDER_ALREADY_PLACED'));
});

describe('confirming a paid order', () => {
  const asItWas = { orderId: ORDER, revision: 1 };

  it('confirms it as it was when it was paid', async () => {
    await inShop(IN_STATUS.PLACED).when(confirmPaidOrder, asItWas).thenEvents(OrderConfirmed({}));
    await inShop([...IN_STATUS.PLACED, OrderItemAdded(mug())])
      .when(confirmPaidOrder, asItWas)
      .thenRejected('ORDER_CHANGED');
    await inShop([...IN_STATUS.PLACED, OrderItemAdded(mug())])
      .when(confirmPaidOrder, { orderId: ORDER, revision: 2 })
      .thenEvents(OrderConfirmed({}));
  });

  it('changes nothing if a person was faster', async () => {
    for (const status of ['CONFIRMED', 'SHIPPED', 'DELIVERED'] as const)
      await inShop(IN_STATUS[status]).when(confirmPaidOrder, asItWas).thenEvents();
  });

  it('is refused if the order was cancelled', () =>
    inShop(IN_STATUS.CANCELLED).when(confirmPaidOrder, asItWas).thenRejected('ORDER_CANCELLED'));

  it('is for the application alone', async () => {
    await inShop(IN_STATUS.PLACED).by(STAFF).when(confirmPaidOrder, asItWas).thenForbidden();
    await inShop(IN_STATUS.PLACED).by(ADMIN).when(confirmPaidOrder, asItWas).thenEvents(OrderConfirmed({}));
  });
});
