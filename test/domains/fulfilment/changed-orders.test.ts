import { describe, expect, it } from 'vitest';
import { FulfilmentFailed, PaymentReturned } from '../../../src/domains/fulfilment/fulfilment-state.ts';
import { authorizePayment, cancelPayment } from '../../../src/domains/fulfilment/payment.ts';
import { OrderItemAdded, OrderItemRemoved } from '../../../src/domains/orders/order.ts';
import { confirmPaidOrder } from '../../../src/domains/orders/order-fulfilment.ts';
import { releaseStock, reserveStock } from '../../../src/domains/products/stock.ts';
import { gbp, LAMP, MUG, mug, ORDER } from '../fixtures.ts';
import {
  authorized,
  bought,
  cancelled,
  confirmed,
  declined,
  inStock,
  ofOrder,
  paid,
  released,
  reserved,
  told,
  total,
  voided,
} from './life.ts';

const orderId = ORDER;

describe('an order that is cancelled', () => {
  it('before anything was done ends at once when what is on its way has been taken back', () => {
    const { given } = told(...bought)
      .whenEvent(cancelled('Changed my mind.'))
      .thenIssues();
    expect(given.state.status).toBe('CANCELLED');
  });

  it('when it is paid has payment and stock given back, the last first', () => {
    const { given } = told(...confirmed)
      .whenEvent(cancelled('Changed my mind.'))
      .thenIssues(
        [cancelPayment, { orderId }],
        [releaseStock, { productId: LAMP, orderId, quantity: 1 }],
        [releaseStock, { productId: MUG, orderId, quantity: 2 }],
      );
    given
      .and(released(LAMP, 1))
      .and(released(MUG, 2))
      .whenEvent(voided())
      .thenRemembers(PaymentReturned({ how: 'VOIDED' }), FulfilmentFailed({ reason: 'Changed my mind.' }));
  });

  it('while the gateway is asked has the payment voided, whatever it answers', () => {
    const cancelling = told(...inStock, cancelled('Changed my mind.'), released(LAMP, 1), released(MUG, 2));
    cancelling.whenEvent(authorized(total)).thenNothing();
    cancelling
      .whenEvent(declined)
      .thenRemembers(PaymentReturned({ how: 'NONE' }), FulfilmentFailed({ reason: 'Changed my mind.' }));
  });
});

describe('items that change while the order is on its way', () => {
  const added = ofOrder(OrderItemAdded(mug(3)));
  const removed = ofOrder(OrderItemRemoved({ productId: LAMP }));

  it('are set aside or given back, and the payment is authorised again for what it costs then', () => {
    const { given } = told(...paid)
      .whenEvent(added)
      .thenIssues([reserveStock, { productId: MUG, orderId, quantity: 3 }]);
    const again = given
      .whenEvent(reserved(MUG, 3))
      .thenIssues([authorizePayment, { orderId, amount: gbp(total + 3 * 850) }]).given;
    again.whenEvent(voided(1)).thenNothing();
    again.whenEvent(authorized(total + 3 * 850, 2)).thenIssues([confirmPaidOrder, { orderId, revision: 2 }]);
    told(...paid)
      .whenEvent(removed)
      .thenIssues([releaseStock, { productId: LAMP, orderId, quantity: 1 }])
      .given.whenEvent(released(LAMP, 1))
      .thenIssues([authorizePayment, { orderId, amount: gbp(2 * 850) }]);
  });

  it('wait for what is asked for already', () => {
    const { given } = told(...bought)
      .whenEvent(added)
      .thenIssues();
    given.whenEvent(reserved(MUG, 2)).thenIssues([reserveStock, { productId: MUG, orderId, quantity: 3 }]);
    told(...inStock)
      .whenEvent(removed)
      .given.and(released(LAMP, 1))
      .whenEvent(authorized(total))
      .thenIssues([authorizePayment, { orderId, amount: gbp(2 * 850) }]);
  });

  it('make a refusal of more than is wanted now no failure', () => {
    told(...bought, removed)
      .whenRefused(reserveStock, 'OUT_OF_STOCK', { productId: LAMP })
      .thenIssues();
  });

  it('make a declined payment of what it cost before no failure', () => {
    told(...inStock, removed, released(LAMP, 1))
      .whenEvent(declined)
      .thenIssues([authorizePayment, { orderId, amount: gbp(2 * 850) }]);
  });

  it('keep it from being confirmed as it was', () => {
    const { given } = told(...paid, added)
      .whenRefused(confirmPaidOrder, 'ORDER_CHANGED')
      .thenIssues();
    expect(given.state.status).toBe('RUNNING');
  });
});
