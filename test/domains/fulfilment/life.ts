import { Fulfilment } from '../../../src/domains/fulfilment/fulfilment.ts';
import { Payment, PaymentAuthorized, PaymentDeclined, PaymentVoided } from '../../../src/domains/fulfilment/payment.ts';
import { Order, OrderCancelled, OrderConfirmed, OrderPlaced, OrderShipped } from '../../../src/domains/orders/order.ts';
import type { OrderItem } from '../../../src/domains/orders/order-items.ts';
import { Product, StockReleased, StockReserved, StockShipped } from '../../../src/domains/products/product.ts';
import type { Aggregate } from '../../../src/kernel/define/aggregate.ts';
import type { EventTypes, NewEventOf, RecordedEvent } from '../../../src/kernel/define/event.ts';
import { givenProcess } from '../../../src/kernel/testing/process.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { ADA, gbp, HOME, LAMP, lamp, MUG, mug, ORDER } from '../fixtures.ts';

// Occurrences around one order, as its fulfilment sees them.

function one<State, Events extends EventTypes>(
  aggregate: Aggregate<State, Events>,
  id: string,
  event: NewEventOf<Events>,
): RecordedEvent {
  return recorded(aggregate, id, [event])[0] as RecordedEvent;
}

export const ofOrder = (event: NewEventOf<typeof Order.events>) => one(Order, ORDER, event);
export const ofPayment = (event: NewEventOf<typeof Payment.events>) => one(Payment, ORDER, event);

export const placed = (...items: OrderItem[]) =>
  ofOrder(OrderPlaced({ customerId: ADA, items, shippingAddress: HOME, fulfilled: 'HERE', paymentMethod: 'tok_ok' }));
export const cancelled = (reason: string) => ofOrder(OrderCancelled({ reason }));

export const reserved = (productId: string, quantity: number) =>
  one(Product, productId, StockReserved({ orderId: ORDER, quantity }));
export const released = (productId: string, quantity: number) =>
  one(Product, productId, StockReleased({ orderId: ORDER, quantity }));
export const stockShipped = (productId: string, quantity: number) =>
  one(Product, productId, StockShipped({ orderId: ORDER, quantity }));

export const authorized = (amount: number, attempt = 1) =>
  ofPayment(PaymentAuthorized({ attempt, amount: gbp(amount) }));
export const voided = (attempt = 1) => ofPayment(PaymentVoided({ attempt }));

export const shipped = ofOrder(OrderShipped({ carrier: 'Royal Mail', trackingNumber: 'RM1' }));
export const declined = ofPayment(PaymentDeclined({ attempt: 1, code: 'card_declined', message: 'No.' }));

/** A lamp at 2500 and two mugs at 850. */
export const bought = [placed(lamp(), mug(2))];
export const total = 2500 + 2 * 850;
export const inStock = [...bought, reserved(LAMP, 1), reserved(MUG, 2)];
export const paid = [...inStock, authorized(total)];
export const confirmed = [...paid, ofOrder(OrderConfirmed({}))];

/** The fulfilment that has been told of these events. */
export const told = (...events: readonly RecordedEvent[]) => givenProcess(Fulfilment, events);
