import { describe, expect, it } from 'vitest';
import {
  CaptureEnded,
  FulfilmentCompleted,
  FulfilmentFailed,
  ReservationEnded,
  StockAnswered,
} from '../../../src/domains/fulfilment/fulfilment-state.ts';
import { PAYMENT_PATIENCE_MS, STOCK_PORTION } from '../../../src/domains/fulfilment/next-steps.ts';
import {
  authorizePayment,
  CaptureDeclined,
  capturePayment,
  PaymentCaptured,
} from '../../../src/domains/fulfilment/payment.ts';
import { OrderConfirmed, OrderPlaced } from '../../../src/domains/orders/order.ts';
import { confirmPaidOrder } from '../../../src/domains/orders/order-fulfilment.ts';
import { releaseStock, reserveStock, shipStock } from '../../../src/domains/products/stock.ts';
import { ADA, gbp, HOME, LAMP, lamp, MUG, mug, ORDER, uuid } from '../fixtures.ts';
import {
  authorized,
  bought,
  cancelled,
  confirmed,
  inStock,
  ofOrder,
  ofPayment,
  paid,
  placed,
  released,
  reserved,
  shipped,
  stockShipped,
  told,
  total,
} from './life.ts';

const orderId = ORDER;

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
      products.slice(from, to).map((productId) => [releaseStock, { productId, orderId, quantity: 1 }] as const);
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
        [shipStock, { productId: LAMP, orderId, quantity: 1 }],
        [shipStock, { productId: MUG, orderId, quantity: 2 }],
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
        [shipStock, { productId: LAMP, orderId, quantity: 1 }],
        [shipStock, { productId: MUG, orderId, quantity: 2 }],
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
