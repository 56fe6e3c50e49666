import { describe, expect, it } from 'vitest';
import { Fulfilment } from '../../../src/domains/fulfilment/fulfilment.ts';
import {
  CaptureEnded,
  FulfilmentCompleted,
  FulfilmentFailed,
  FulfilmentFailing,
  PaymentRefused,
  PaymentReturned,
  ReservationEnded,
  StockAnswered,
} from '../../../src/domains/fulfilment/fulfilment-state.ts';
import { PAYMENT_PATIENCE_MS, STOCK_PORTION } from '../../../src/domains/fulfilment/next-steps.ts';
import {
  authorizePayment,
  CaptureDeclined,
  cancelPayment,
  capturePayment,
  PaymentCaptured,
  PaymentDeclined,
} from '../../../src/domains/fulfilment/payment.ts';
import {
  cancelOrder,
  OrderConfirmed,
  OrderItemAdded,
  OrderItemRemoved,
  OrderPlaced,
  OrderShipped,
} from '../../../src/domains/orders/order.ts';
import { confirmPaidOrder } from '../../../src/domains/orders/order-fulfilment.ts';
import { releaseStock, reserveStock, shipStock } from '../../../src/domains/products/stock.ts';
import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import { givenProcess } from '../../../src/kernel/testing/process.ts';
import { ADA, gbp, HOME, LAMP, lamp, MUG, mug, ORDER, uuid } from '../fixtures.ts';
import { authorized, cancelled, ofOrder, ofPayment, placed, released, reserved, stockShipped, voided } from './life.ts';

const orderId = ORDER;
/** A lamp at 2500 and two mugs at 850. */
const bought = [placed(lamp(), mug(2))];
const total = 2500 + 2 * 850;
const inStock = [...bought, reserved(LAMP, 1), reserved(MUG, 2)];
const paid = [...inStock, authorized(total)];
const confirmed = [...paid, ofOrder(OrderConfirmed({}))];
const shipped = ofOrder(OrderShipped({ carrier: 'Royal Mail', trackingNumber: 'RM1' }));
const declined = ofPayment(PaymentDeclined({ attempt: 1, code: 'card_declined', message: 'No.' }));

const told = (...events: readonly RecordedEvent[]) => givenProcess(Fulfilment, events);

describe('an order on its way', () => {
  it('has stock reserved for every product when it is placed, lines of one product together', () => {
    told()
      .whenEvent(placed(lamp(), mug(2), lamp(3, gbp(1999))))
      .thenIssues(
        [reserveStock, { productId: LAMP, orderId, quantity: 4 }],
        [reserveStock, { productId: MUG, orderId, quantity: 2 }],
      );
  });

  it('with many products has them reserved in portions, each when the last one is answered', () => {
    const products = Array.from({ length: 2 * STOCK_PORTION + 1 }, (_, n) => uuid(1000 + n));
    const asks = (from: number, to: number) =>
      products.slice(from, to).map((productId) => [reserveStock, { productId, orderId, quantity: 1 }] as const);
    const answers = (from: number, to: number) => products.slice(from, to).map((productId) => reserved(productId, 1));
    const order = placed(...products.map((productId) => ({ ...lamp(), productId })));
    const [first, second] = [STOCK_PORTION, 2 * STOCK_PORTION];
    told()
      .whenEvent(order)
      .thenIssues(...asks(0, first));
    told(order, ...answers(0, first - 2))
      .whenEvent(reserved(products[first - 2] as string, 1))
      .thenIssues();
    told(order, ...answers(0, first - 1))
      .whenEvent(reserved(products[first - 1] as string, 1))
      .thenIssues(...asks(first, second));
    told(order, ...answers(0, second - 1))
      .whenEvent(reserved(products[second - 1] as string, 1))
      .thenIssues(...asks(second, second + 1));
    told(order, ...answers(0, second))
      .whenEvent(reserved(products[second] as string, 1))
      .thenIssues([authorizePayment, { orderId, amount: gbp(2500 * products.length) }]);
  });

  it('with many products that is cancelled has all given back that was reserved, in portions too', () => {
    const products = Array.from({ length: STOCK_PORTION + 1 }, (_, n) => uuid(1000 + n));
    const gives = (from: number, to: number) =>
      products.slice(from, to).map((productId) => [releaseStock, { productId, orderId }] as const);
    const order = placed(...products.map((productId) => ({ ...lamp(), productId, unitPrice: gbp(0) })));
    const { given } = told(order, ...products.map((productId) => reserved(productId, 1)))
      .whenEvent(cancelled('Changed my mind.'))
      .thenIssues(...gives(0, STOCK_PORTION));
    const last = products[STOCK_PORTION - 1] as string;
    products
      .slice(0, STOCK_PORTION - 1)
      .reduce((so, productId) => so.and(released(productId, 1)), given)
      .whenEvent(released(last, 1))
      .thenIssues(...gives(STOCK_PORTION, STOCK_PORTION + 1));
  });

  it('is left alone where it is fulfilled elsewhere', () => {
    const imported = OrderPlaced({
      customerId: ADA,
      items: [lamp()],
      shippingAddress: HOME,
      fulfilled: 'ELSEWHERE',
      paymentMethod: null,
    });
    told().whenEvent(ofOrder(imported)).thenNothing();
  });

  it('has its payment authorised when all is set aside, and not before, with a deadline', () => {
    const last = reserved(MUG, 2);
    told(...bought)
      .whenEvent(reserved(LAMP, 1))
      .thenIssues();
    told(...bought, reserved(LAMP, 1))
      .whenEvent(last)
      .thenIssues([authorizePayment, { orderId, amount: gbp(total) }])
      .thenDeadlines({ payment: new Date(last.recordedAt.getTime() + PAYMENT_PATIENCE_MS) });
  });

  it('is confirmed when it is paid, as it was when that was asked for', () => {
    told(...inStock)
      .whenEvent(authorized(total))
      .thenIssues([confirmPaidOrder, { orderId, revision: 1 }]);
    told(...paid)
      .whenEvent(ofOrder(OrderConfirmed({})))
      .thenIssues();
    expect(told(...confirmed).state.isConfirmed).toBe(true);
  });

  it('that costs nothing is confirmed without a payment', () => {
    told(placed(mug(1, gbp(0))))
      .whenEvent(reserved(MUG, 1))
      .thenIssues([confirmPaidOrder, { orderId, revision: 1 }]);
  });

  it('is paid and leaves the stock when it is shipped', () => {
    const { given } = told(...confirmed)
      .whenEvent(shipped)
      .thenIssues(
        [capturePayment, { orderId }],
        [shipStock, { productId: LAMP, orderId }],
        [shipStock, { productId: MUG, orderId }],
      );
    given
      .and(stockShipped(LAMP, 1))
      .and(ofPayment(PaymentCaptured({ attempt: 1 })))
      .whenEvent(stockShipped(MUG, 2))
      .thenIssues()
      .thenRemembers(
        StockAnswered({ productId: MUG, held: 0 }),
        ReservationEnded({ how: 'SHIPPED' }),
        FulfilmentCompleted({}),
      );
  });

  it('that a person confirms and ships before it is paid goes on all the same', () => {
    const hasty = told(...bought, ofOrder(OrderConfirmed({})), shipped, reserved(LAMP, 1));
    const { given } = hasty.whenEvent(reserved(MUG, 2)).thenIssues([authorizePayment, { orderId, amount: gbp(total) }]);
    given
      .whenEvent(authorized(total))
      .thenIssues(
        [capturePayment, { orderId }],
        [shipStock, { productId: LAMP, orderId }],
        [shipStock, { productId: MUG, orderId }],
      );
  });

  it('that cannot be paid after it was shipped fails, and stays shipped', () => {
    const declined = ofPayment(CaptureDeclined({ attempt: 1, code: 'card_expired', message: 'The card has expired.' }));
    const reason = 'The payment could not be taken after the order was shipped: The card has expired.';
    told(...confirmed, shipped, stockShipped(LAMP, 1), stockShipped(MUG, 2))
      .whenEvent(declined)
      .thenIssues()
      .thenRemembers(CaptureEnded({ declined: reason }), FulfilmentFailed({ reason }));
  });
});

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
      .thenIssues([releaseStock, { productId: LAMP, orderId }]);
    failing
      .and(cancelled('Out of stock.'))
      .whenEvent(reserved(LAMP, 1))
      .thenIssues([releaseStock, { productId: LAMP, orderId }]);
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
      .thenIssues([releaseStock, { productId: LAMP, orderId }], [releaseStock, { productId: MUG, orderId }]);
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
        [releaseStock, { productId: LAMP, orderId }],
        [releaseStock, { productId: MUG, orderId }],
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
      .thenIssues([shipStock, { productId: LAMP, orderId }], [shipStock, { productId: MUG, orderId }])
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
        .thenIssues([authorizePayment, { orderId, amount: gbp(total) }], [shipStock, { productId: LAMP, orderId }])
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
          [shipStock, { productId: LAMP, orderId }],
          [shipStock, { productId: MUG, orderId }],
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
      .thenIssues([releaseStock, { productId: LAMP, orderId }], [releaseStock, { productId: MUG, orderId }]);
  });
});

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
        [releaseStock, { productId: LAMP, orderId }],
        [releaseStock, { productId: MUG, orderId }],
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
      .thenIssues([reserveStock, { productId: MUG, orderId, quantity: 5 }]);
    const again = given
      .whenEvent(reserved(MUG, 3))
      .thenIssues([authorizePayment, { orderId, amount: gbp(total + 3 * 850) }]).given;
    again.whenEvent(voided(1)).thenNothing();
    again.whenEvent(authorized(total + 3 * 850, 2)).thenIssues([confirmPaidOrder, { orderId, revision: 2 }]);
    told(...paid)
      .whenEvent(removed)
      .thenIssues([releaseStock, { productId: LAMP, orderId }])
      .given.whenEvent(released(LAMP, 1))
      .thenIssues([authorizePayment, { orderId, amount: gbp(2 * 850) }]);
  });

  it('wait for what is asked for already', () => {
    const { given } = told(...bought)
      .whenEvent(added)
      .thenIssues();
    given.whenEvent(reserved(MUG, 2)).thenIssues([reserveStock, { productId: MUG, orderId, quantity: 5 }]);
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
