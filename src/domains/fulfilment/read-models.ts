import { jsonb, text, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, type RecordedEvent, readTable } from '../../index.ts';
import { OrderCancelled, OrderPlaced } from '../orders/index.ts';
import { customer } from '../shared/person.ts';
import { fulfilmentEvents } from './fulfilment-state.ts';

export const FULFILMENT_STATES = [
  'RESERVING_STOCK',
  'AUTHORIZING_PAYMENT',
  'CONFIRMED',
  'COMPENSATING',
  'FAILED',
  'COMPLETED',
] as const;
export type FulfilmentState = (typeof FULFILMENT_STATES)[number];

/** The steps on the way, those that failed, and what was done about that. */
export type FulfilmentStepName =
  | 'ORDER_PLACED'
  | 'ITEMS_CHANGED'
  | `STOCK_${'RESERVED' | 'SHIPPED' | 'REFUSED' | 'RELEASED'}`
  | `PAYMENT_${'AUTHORIZED' | 'CAPTURED' | 'REFUSED' | 'VOIDED' | 'REFUNDED' | 'KEPT'}`
  | `ORDER_${'CONFIRMED' | 'SHIPPED' | 'CANCELLED'}`
  | 'CONFIRMATION_REFUSED'
  | 'CAPTURE_REFUSED';

/** A completed step, and when. */
export interface FulfilmentStep {
  readonly name: FulfilmentStepName;
  /** ISO 8601. */
  readonly at: string;
}

export const fulfilmentsTable = readTable('fulfilments', {
  orderId: uuid('order_id').primaryKey(),
  customerId: uuid('customer_id').notNull(),
  state: text('state', { enum: FULFILMENT_STATES }).notNull(),
  /** In the order of completion; at most {@link MAX_STEPS}. */
  steps: jsonb('steps').$type<readonly FulfilmentStep[]>().notNull(),
  /** Why it fails or has failed, as a sentence for people. */
  failure: text('failure'),
});

type FulfilmentRow = Omit<typeof fulfilmentsTable.$inferSelect, 'lastPosition' | 'staleSince'>;

/** Steps that are kept for one order: the first and the newest. Items can be changed any number of times. */
export const MAX_STEPS = 100;

function withStep(steps: readonly FulfilmentStep[], next: FulfilmentStep): FulfilmentStep[] {
  const kept = steps.length < MAX_STEPS ? steps : [...steps.slice(0, 1), ...steps.slice(2)];
  return [...kept, next];
}

/** The row with one more step and other changes. */
const step =
  (name: FulfilmentStepName, { recordedAt }: RecordedEvent, change: Partial<FulfilmentRow> = {}) =>
  (row: FulfilmentRow): FulfilmentRow => {
    return { ...row, ...change, steps: withStep(row.steps, { name, at: recordedAt.toISOString() }) };
  };

/**
 * The new state, except for a cancelled order: the fulfilment may learn of the cancellation after it has decided
 * something else.
 */
const unlessCancelled = (row: FulfilmentRow, state: FulfilmentState) =>
  row.state === 'COMPENSATING' ? row.state : state;

const STEP_THAT_FAILED = { STOCK: 'STOCK_REFUSED', PAYMENT: 'PAYMENT_REFUSED', ORDER: 'CONFIRMATION_REFUSED' } as const;

export const fulfilments = defineProjection('fulfilments', {
  description: 'How far each order is on its way from being placed to being paid.',
  table: fulfilmentsTable,
  events: { OrderPlaced, OrderCancelled, ...fulfilmentEvents },
  personal: { of: ({ customerId }) => customer(customerId), columns: ['failure'] },
  visibleTo: { staff: 'all', system: 'all', customer: (actor) => ({ customerId: actor.id }) },
  on: {
    // Folds the order's own event, so that the fulfilment can be read with the token of `placeOrder`.
    OrderPlaced: (event, { upsert }) => {
      const { streamId: orderId, data } = event;
      if (data.fulfilled !== 'HERE') return [];
      const begun = { orderId, customerId: data.customerId, failure: null, steps: [] };
      return upsert(orderId, () => step('ORDER_PLACED', event)({ ...begun, state: 'RESERVING_STOCK' }));
    },
    OrderCancelled: (event, { update }) =>
      update(event.streamId, step('ORDER_CANCELLED', event, { state: 'COMPENSATING', failure: event.data.reason })),
    CancellationSeen: ({ streamId, data }, { update }) =>
      update(streamId, (row) => ({ ...row, state: 'COMPENSATING', failure: data.reason })),
    FulfilmentChanged: (event, { update }) =>
      update(event.streamId, (row) => {
        const state = row.state === 'AUTHORIZING_PAYMENT' ? 'RESERVING_STOCK' : row.state;
        return step('ITEMS_CHANGED', event, { state })(row);
      }),
    ReservationCompleted: (event, { update }) =>
      update(event.streamId, (row) =>
        step('STOCK_RESERVED', event, { state: unlessCancelled(row, 'AUTHORIZING_PAYMENT') })(row),
      ),
    PaymentSecured: (event, { update }) => update(event.streamId, step('PAYMENT_AUTHORIZED', event)),
    FulfilmentConfirmed: (event, { update }) =>
      update(event.streamId, (row) =>
        step('ORDER_CONFIRMED', event, { state: unlessCancelled(row, 'CONFIRMED') })(row),
      ),
    ShipmentSeen: (event, { update }) => update(event.streamId, step('ORDER_SHIPPED', event)),
    CaptureEnded: (event, { update }) => {
      const { declined } = event.data;
      return update(event.streamId, (row) =>
        declined === null
          ? step('PAYMENT_CAPTURED', event)(row)
          : step('CAPTURE_REFUSED', event, { failure: row.failure ?? declined })(row),
      );
    },
    FulfilmentFailing: (event, { update }) => {
      const { step: failed, reason: failure } = event.data;
      return update(event.streamId, (row) => {
        // Somebody else may have cancelled the order in the meantime.
        const reason = row.state === 'COMPENSATING' ? row.failure : failure;
        return step(STEP_THAT_FAILED[failed], event, { state: 'COMPENSATING', failure: reason })(row);
      });
    },
    PaymentReturned: (event, { update }) => {
      const { how } = event.data;
      return how === 'NONE' ? [] : update(event.streamId, step(`PAYMENT_${how}`, event));
    },
    ReservationEnded: (event, { update }) => update(event.streamId, step(`STOCK_${event.data.how}`, event)),
    FulfilmentFailed: (event, { update }) =>
      update(event.streamId, (row) => ({ ...row, state: 'FAILED', failure: event.data.reason })),
    FulfilmentCompleted: (event, { update }) => update(event.streamId, (row) => ({ ...row, state: 'COMPLETED' })),
  },
});
