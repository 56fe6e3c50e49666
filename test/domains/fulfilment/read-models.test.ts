import { expect, it } from 'vitest';
import { Fulfilment } from '../../../src/domains/fulfilment/fulfilment.ts';
import {
  CancellationSeen,
  FulfilmentChanged,
  FulfilmentConfirmed,
  FulfilmentFailed,
  type fulfilmentEvents,
  PaymentReturned,
  PaymentSecured,
  ReservationCompleted,
  ReservationEnded,
} from '../../../src/domains/fulfilment/fulfilment-state.ts';
import { fulfilments, MAX_STEPS } from '../../../src/domains/fulfilment/read-models.ts';
import { Order, OrderCancelled, OrderPlaced } from '../../../src/domains/orders/order.ts';
import type { NewEventOf } from '../../../src/kernel/define/event.ts';
import { givenEvents } from '../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { ADA, HOME, lamp, ORDER } from '../fixtures.ts';

type Told = NewEventOf<typeof fulfilmentEvents> | ReturnType<typeof OrderPlaced | typeof OrderCancelled>;

const placed = OrderPlaced({
  customerId: ADA,
  items: [lamp()],
  shippingAddress: HOME,
  fulfilled: 'HERE',
  paymentMethod: 'tok_ok',
});
const reason = 'Changed my mind.';
const cancelled = OrderCancelled({ reason });
const seen = CancellationSeen({ reason });

/** The row after an order was placed and this has happened, in the order of the log. */
function rowAfter(...events: readonly Told[]) {
  const log = [placed, ...events].reduce<Parameters<typeof givenEvents>[0]>(
    (before, event) =>
      Object.hasOwn(Order.events, event.type)
        ? recorded(Order, ORDER, [event as typeof cancelled], before)
        : recorded(Fulfilment.aggregate as never, ORDER, [event as never], before),
    [],
  );
  const [row] = givenEvents(log).project(fulfilments);
  const { state, failure, steps } = row as NonNullable<typeof row>;
  return { state, failure, steps: steps.map(({ name }) => name) };
}

it.each([
  ['after it', [cancelled, ReservationCompleted({}), PaymentSecured({}), FulfilmentConfirmed({}), seen]],
  ['before it', [ReservationCompleted({}), PaymentSecured({}), FulfilmentConfirmed({}), cancelled, seen]],
  ['around it', [ReservationCompleted({}), PaymentSecured({}), cancelled, FulfilmentConfirmed({}), seen]],
])('an order that is cancelled is being given back, even if the fulfilment decides its steps %s', (_, events) => {
  expect(rowAfter(...events.slice(0, -1))).toMatchObject({ state: 'COMPENSATING', failure: reason });
  expect(rowAfter(...events)).toMatchObject({ state: 'COMPENSATING', failure: reason });
  const ended = [PaymentReturned({ how: 'VOIDED' }), ReservationEnded({ how: 'RELEASED' })];
  const row = rowAfter(...events, ...ended, FulfilmentFailed({ reason }));
  expect(row).toMatchObject({ state: 'FAILED', failure: reason });
  expect(row.steps.toSorted()).toEqual([
    'ORDER_CANCELLED',
    'ORDER_CONFIRMED',
    'ORDER_PLACED',
    'PAYMENT_AUTHORIZED',
    'PAYMENT_VOIDED',
    'STOCK_RELEASED',
    'STOCK_RESERVED',
  ]);
});

it('however often its items change, an order keeps its first step and the newest', () => {
  const changes = Array.from({ length: 3 * MAX_STEPS }, () => FulfilmentChanged({ lines: {} }));
  const { steps } = rowAfter(...changes, ReservationCompleted({}), PaymentSecured({}));
  expect(steps).toHaveLength(MAX_STEPS);
  expect(steps[0]).toBe('ORDER_PLACED');
  expect(steps.slice(-3)).toEqual(['ITEMS_CHANGED', 'STOCK_RESERVED', 'PAYMENT_AUTHORIZED']);
});
