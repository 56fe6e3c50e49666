import { describe, expect, it } from 'vitest';
import {
  CaptureEnded,
  FulfilmentFailed,
  FulfilmentFailing,
  PaymentRefused,
  ReservationEnded,
  StockAnswered,
} from '../../../src/domains/fulfilment/fulfilment-state.ts';
import {
  authorizePayment,
  cancelPayment,
  capturePayment,
  PaymentCaptured,
  PaymentDeclined,
} from '../../../src/domains/fulfilment/payment.ts';
import { cancelOrder, OrderConfirmed, OrderItemAdded } from '../../../src/domains/orders/order.ts';
import { confirmPaidOrder } from '../../../src/domains/orders/order-fulfilment.ts';
import { releaseStock, reserveStock, shipStock } from '../../../src/domains/products/stock.ts';
import { gbp, LAMP, MUG, mug, ORDER } from '../fixtures.ts';
import {
  authorized,
  bought,
  cancelled,
  confirmed,
  declined,
  inStock,
  ofOrder,
  ofPayment,
  paid,
  released,
  reserved,
  shipped,
  stockShipped,
  told,
  total,
} from './life.ts';

const orderId = ORDER;

describe('a step that fails', () => {
  it('cancels the order with the reason: out of stock', () => {
    told(...bought)
      .whenRefused(reserveStock, 'OUT_OF_STOCK', { productId: MUG })
      .thenIssues([cancelOrder, { orderId, reason: 'Out of stock: OUT_OF_STOCK.' }]);
  });

  it('gives back what was set aside for the other items, even if that comes later', () => {
    const failing = told(...bought).whenRefused(reserveStock, 'OUT_OF_STOCK', { productId: MUG }).given;
    failing
      .and(reserved(LAMP, 1))
      .whenEvent(cancelled('Out of stock.'))
      .thenIssues([releaseStock, { productId: LAMP, orderId, quantity: 1 }]);
    failing
      .and(cancelled('Out of stock.'))
      .whenEvent(reserved(LAMP, 1))
      .thenIssues([releaseStock, { productId: LAMP, orderId, quantity: 1 }]);
  });

  it('does not matter if an earlier version asked for stock without saying how many: it is asked for again', () => {
    told(...inStock, cancelled('No need.'))
      .whenRefused(releaseStock, 'INVALID', { productId: MUG })
      .thenIssues([releaseStock, { productId: MUG, orderId, quantity: 2 }]);
    told(...confirmed, shipped)
      .whenRefused(shipStock, 'INVALID', { productId: LAMP })
      .thenIssues([shipStock, { productId: LAMP, orderId, quantity: 1 }]);
  });

  it('ends only when nothing is set aside any more', () => {
    told(...bought, cancelled('Out of stock.'), reserved(LAMP, 1), reserved(MUG, 2), released(LAMP, 1))
      .whenEvent(released(MUG, 2))
      .thenRemembers(
        StockAnswered({ productId: MUG, held: 0 }),
        ReservationEnded({ how: 'RELEASED' }),
        FulfilmentFailed({ reason: 'Out of stock.' }),
      );
  });

  it('cancels the order with the reason: declined', () => {
    const reason = 'The payment was declined: No.';
    const { given } = told(...inStock)
      .whenEvent(declined)
      .thenRemembers(PaymentRefused({}), FulfilmentFailing({ step: 'PAYMENT', reason }))
      .thenIssues([cancelOrder, { orderId, reason }]);
    given
      .whenEvent(cancelled(reason))
      .thenIssues(
        [releaseStock, { productId: LAMP, orderId, quantity: 1 }],
        [releaseStock, { productId: MUG, orderId, quantity: 2 }],
      );
  });

  it('cancels the order when nobody knows for too long whether it is paid, and then voids the payment', () => {
    const { given } = told(...inStock)
      .whenDeadline('payment')
      .thenIssues()
      .given.whenDeadline('lastPayment')
      .thenIssues([cancelOrder, { orderId, reason: 'The payment gateway could not say in time whether it is paid.' }]);
    given
      .whenEvent(cancelled('Too late.'))
      .thenIssues(
        [cancelPayment, { orderId }],
        [releaseStock, { productId: LAMP, orderId, quantity: 1 }],
        [releaseStock, { productId: MUG, orderId, quantity: 2 }],
      );
  });

  it('is none if the gateway answers when its first time is over', () => {
    const { given } = told(...inStock)
      .whenDeadline('payment')
      .given.whenEvent(authorized(total))
      .thenIssues([confirmPaidOrder, { orderId, revision: 1 }]);
    expect(() => given.whenDeadline('lastPayment')).toThrow('has set no deadline');
  });

  it('when the order has been shipped leaves it shipped, and its stock with it', () => {
    const { given } = told(...inStock, ofOrder(OrderConfirmed({})), shipped).whenEvent(declined);
    given
      .whenRefused(cancelOrder, 'ORDER_ALREADY_SHIPPED')
      .thenIssues(
        [shipStock, { productId: LAMP, orderId, quantity: 1 }],
        [shipStock, { productId: MUG, orderId, quantity: 2 }],
      )
      .given.and(stockShipped(LAMP, 1))
      .whenEvent(stockShipped(MUG, 2))
      .thenRemembers(
        StockAnswered({ productId: MUG, held: 0 }),
        ReservationEnded({ how: 'SHIPPED' }),
        FulfilmentFailed({ reason: 'The payment was declined: No.' }),
      );
  });

  describe('when the order was shipped on trust', () => {
    const trusted = [...bought, ofOrder(OrderConfirmed({})), shipped, reserved(LAMP, 1)];
    const stranded = told(...trusted)
      .whenRefused(reserveStock, 'OUT_OF_STOCK', { productId: MUG })
      .given.whenRefused(cancelOrder, 'ORDER_ALREADY_SHIPPED');
    const reason = 'Out of stock: OUT_OF_STOCK.';
    const captured = ofPayment(PaymentCaptured({ attempt: 1 }));

    it('leaves what was sent to be paid', () => {
      stranded
        .thenIssues(
          [authorizePayment, { orderId, amount: gbp(total) }],
          [shipStock, { productId: LAMP, orderId, quantity: 1 }],
        )
        .given.and(stockShipped(LAMP, 1))
        .whenEvent(authorized(total))
        .thenIssues([capturePayment, { orderId }])
        .given.whenEvent(captured)
        .thenRemembers(CaptureEnded({ declined: null }), FulfilmentFailed({ reason }));
    });

    it('asks for the money once if the card is declined, and says so', () => {
      const declined = 'The payment could not be taken after the order was shipped: No.';
      stranded.given
        .and(stockShipped(LAMP, 1))
        .whenEvent(ofPayment(PaymentDeclined({ attempt: 1, code: 'card_declined', message: 'No.' })))
        .thenIssues()
        .thenRemembers(CaptureEnded({ declined }), FulfilmentFailed({ reason }));
    });

    it('waits for a gateway that is silent', () => {
      stranded.given
        .and(stockShipped(LAMP, 1))
        .whenDeadline('payment')
        .given.whenDeadline('lastPayment')
        .thenNothing()
        .given.whenEvent(authorized(total))
        .thenIssues([capturePayment, { orderId }]);
    });

    it('has all of it paid if items were added that there are none of', () => {
      told(...paid, ofOrder(OrderItemAdded(mug(3))), ofOrder(OrderConfirmed({})), shipped)
        .whenRefused(reserveStock, 'OUT_OF_STOCK', { productId: MUG })
        .given.whenRefused(cancelOrder, 'ORDER_ALREADY_SHIPPED')
        .thenIssues(
          [authorizePayment, { orderId, amount: gbp(total + 3 * 850) }],
          [shipStock, { productId: LAMP, orderId, quantity: 1 }],
          [shipStock, { productId: MUG, orderId, quantity: 2 }],
        )
        .given.whenEvent(authorized(total + 3 * 850, 2))
        .thenIssues([capturePayment, { orderId }]);
    });
  });

  it('with a reason too long for an order has it cut at a whole character', () => {
    const message = `${'x'.repeat(500 - 'The payment was declined: '.length - 1)}🪔`;
    const reason = `The payment was declined: ${message}`.slice(0, -2);
    told(...inStock)
      .whenEvent(ofPayment(PaymentDeclined({ attempt: 1, code: 'card_declined', message })))
      .thenIssues([cancelOrder, { orderId, reason }]);
  });

  it('cancels the order for a plain reason where it is not taken for the real one: it has not been shipped', () => {
    const { given } = told(...inStock)
      .whenEvent(declined)
      .given.whenRefused(cancelOrder, 'INVALID')
      .thenIssues([cancelOrder, { orderId, reason: 'The order could not be fulfilled.' }]);
    expect(given.state.status).toBe('FAILING');
    given.whenRefused(cancelOrder, 'INVALID').thenNothing();
    given.whenRefused(cancelOrder, 'ORDER_CANCELLED').thenNothing();
    expect(given.whenRefused(cancelOrder, 'ORDER_ALREADY_DELIVERED').given.state.status).toBe('STRANDED');
    given
      .whenEvent(cancelled('The order could not be fulfilled.'))
      .thenIssues(
        [releaseStock, { productId: LAMP, orderId, quantity: 1 }],
        [releaseStock, { productId: MUG, orderId, quantity: 2 }],
      );
  });
});
