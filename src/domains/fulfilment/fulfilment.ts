import { defineProcess, type EventDefinition, issue, type Reaction, type RecordedEvent } from '../../index.ts';
import {
  cancelOrder,
  OrderCancelled,
  OrderConfirmed,
  type OrderItem,
  OrderItemAdded,
  OrderItemRemoved,
  OrderPlaced,
  OrderShipped,
} from '../orders/index.ts';
import { StockReleased, StockReserved, StockShipped } from '../products/index.ts';
import {
  CancellationRefused,
  CancellationSeen,
  CaptureEnded,
  ConfirmationSeen,
  evolve,
  FulfilmentBegun,
  FulfilmentChanged,
  type FulfilmentProcessState,
  fulfilmentEvents,
  initialState,
  type Lines,
  PaymentRefused,
  PaymentReturned,
  PaymentSecured,
  ShipmentSeen,
  StockAnswered,
} from './fulfilment-state.ts';
import {
  endWait,
  fail,
  fulfilmentCommands,
  goOn,
  heldOf,
  type NextStep,
  type OrderMoment,
  totalOf,
  waitNoMore,
  waitOn,
  wantedOf,
} from './next-steps.ts';
import {
  CaptureDeclined,
  PaymentAuthorized,
  PaymentCaptured,
  PaymentDeclined,
  PaymentRefunded,
  PaymentVoided,
  RefundDeclined,
} from './payment.ts';

/** The reason that is used if the actual reason is refused. */
const PLAIN_REASON = 'The order could not be fulfilled.';

const momentOf = ({ streamId, recordedAt }: RecordedEvent) => ({ orderId: streamId, at: recordedAt });

/** Reactions to events of the order itself, or of its payment, which has the same id. */
function onOrder<Name extends string, Data>(
  _: EventDefinition<Name, Data>,
  react: (state: FulfilmentProcessState, event: RecordedEvent<Name, Data>) => NextStep[],
): Reaction<FulfilmentProcessState, NextStep, RecordedEvent<Name, Data>> {
  return {
    process: ({ streamId }) => streamId,
    react: (state, event) => (state.status === 'OVER' ? [] : react(state, event)),
  };
}

/** Reacts to a change of the reserved stock of a product. */
function onStock(sign: 1 | -1): Reaction<FulfilmentProcessState, NextStep, RecordedEvent<string, StockChange>> {
  return {
    process: ({ data }) => data.orderId,
    react: (state, { streamId: productId, data: { orderId, quantity }, recordedAt: at }) => {
      const held = heldOf(state, productId) + sign * quantity;
      return goOn(state, { orderId, at }, StockAnswered({ productId, held }));
    },
  };
}
interface StockChange {
  readonly orderId: string;
  readonly quantity: number;
}

/** Coordinates an order from placing to payment; see docs/processes.md. */
export const Fulfilment = defineProcess('Fulfilment', {
  description: 'How an order goes on; it has the order’s id.',
  initialState,
  events: fulfilmentEvents,
  evolve,
  snapshot: { stateVersion: 2 },
  reactsTo: {
    OrderPlaced,
    OrderItemAdded,
    OrderItemRemoved,
    OrderConfirmed,
    OrderShipped,
    OrderCancelled,
    StockReserved,
    StockReleased,
    StockShipped,
    PaymentAuthorized,
    PaymentDeclined,
    PaymentCaptured,
    CaptureDeclined,
    PaymentVoided,
    PaymentRefunded,
    RefundDeclined,
  },
  issues: fulfilmentCommands,
  on: {
    OrderPlaced: {
      process: ({ streamId, data }) => (data.fulfilled === 'HERE' ? streamId : undefined),
      begins: true,
      react: (state, event) => {
        const currency = event.data.items[0]?.unitPrice.currency ?? '';
        const lines = linesOf(event.data.items);
        return goOn(state, momentOf(event), FulfilmentBegun({ lines, currency }));
      },
    },
    OrderItemAdded: onOrder(OrderItemAdded, (state, event) =>
      goOn(state, momentOf(event), FulfilmentChanged({ lines: withLine(state.lines, event.data) })),
    ),
    OrderItemRemoved: onOrder(OrderItemRemoved, (state, event) => {
      const { [event.data.productId]: _, ...lines } = state.lines;
      return goOn(state, momentOf(event), FulfilmentChanged({ lines }));
    }),
    OrderConfirmed: onOrder(OrderConfirmed, (state, event) => goOn(state, momentOf(event), ConfirmationSeen({}))),
    OrderShipped: onOrder(OrderShipped, (state, event) => goOn(state, momentOf(event), ShipmentSeen({}))),
    OrderCancelled: onOrder(OrderCancelled, (state, event) => [
      ...endWait(),
      ...goOn(state, momentOf(event), CancellationSeen({ reason: event.data.reason })),
    ]),

    StockReserved: onStock(1),
    StockReleased: onStock(-1),
    StockShipped: onStock(-1),

    PaymentAuthorized: onOrder(PaymentAuthorized, (state, event) => {
      if (event.data.attempt !== state.attempt || state.payment !== 'ASKED') return [];
      return [...endWait(), ...goOn(state, momentOf(event), PaymentSecured({}))];
    }),
    PaymentDeclined: onOrder(PaymentDeclined, (state, event) => {
      const { attempt, message } = event.data;
      if (attempt !== state.attempt) return [];
      const moment = momentOf(event);
      if (state.payment === 'RETURNING') return goOn(state, moment, PaymentReturned({ how: 'NONE' }));
      // The declined amount was that of the order before its items changed.
      const isOutdated = state.amount !== totalOf(state);
      const steps = isOutdated ? goOn(state, moment, PaymentRefused({})) : declined(state, moment, message);
      return [...endWait(), ...steps];
    }),
    PaymentCaptured: onOrder(PaymentCaptured, (state, event) =>
      isCapturing(state, event) ? goOn(state, momentOf(event), CaptureEnded({ declined: null })) : [],
    ),
    CaptureDeclined: onOrder(CaptureDeclined, (state, event) => {
      if (!isCapturing(state, event)) return [];
      return goOn(state, momentOf(event), uncharged(event.data.message));
    }),
    PaymentVoided: onOrder(PaymentVoided, (state, event) => returned(state, event, 'VOIDED')),
    PaymentRefunded: onOrder(PaymentRefunded, (state, event) => returned(state, event, 'REFUNDED')),
    RefundDeclined: onOrder(RefundDeclined, (state, event) => returned(state, event, 'KEPT')),
  },
  refused: {
    reserveStock: (state, { input: { productId, orderId, quantity }, message, at }) => {
      const moment = { orderId, at };
      const held = heldOf(state, productId);
      const answered = StockAnswered({ productId, held });
      // The quantity was too large before the items changed: ask for what is needed now.
      if (wantedOf(state, productId) - held < quantity) return goOn(state, moment, answered);
      return fail(state, moment, 'STOCK', `Out of stock: ${message}`, answered);
    },
    releaseStock: askAgain,
    shipStock: askAgain,
    authorizePayment: (state, { input: { orderId }, message, at }) =>
      fail(state, { orderId, at }, 'PAYMENT', `The payment could not be begun: ${message}`, PaymentRefused({})),
    confirmPaidOrder: (state, { input: { orderId }, code, message, at }) => {
      // An event reports the change or cancellation of the order.
      if (code === 'ORDER_CHANGED' || code === 'ORDER_CANCELLED') return [];
      return fail(state, { orderId, at }, 'ORDER', message);
    },
    cancelOrder: (state, { input: { orderId, reason }, code, at }) => {
      if (code === 'ORDER_ALREADY_SHIPPED' || code === 'ORDER_ALREADY_DELIVERED')
        return goOn(state, { orderId, at }, CancellationRefused({}));
      // Only the text of the reason can prevent the cancellation.
      const isOver = code === 'ORDER_CANCELLED' || reason === PLAIN_REASON;
      return isOver ? [] : issue(cancelOrder, { orderId, reason: PLAIN_REASON });
    },
  },
  deadlines: { payment: waitOn, lastPayment: waitNoMore },
});

/** Earlier versions did not say how many: such a request is made again, and this time it does. Nothing else is refused. */
function askAgain(state: FulfilmentProcessState, { input, code, at }: RefusedRequest): NextStep[] {
  const { productId, orderId } = input;
  if (code !== 'INVALID') return [];
  return goOn(state, { orderId, at }, StockAnswered({ productId, held: heldOf(state, productId) }));
}
interface RefusedRequest {
  readonly input: { readonly productId: string; readonly orderId: string };
  readonly code: string;
  readonly at: Date;
}

/** Handles all items together: an order may have a thousand. */
function linesOf(items: readonly OrderItem[]): Lines {
  const lines: Lines = {};
  for (const item of items) Object.assign(lines, { [item.productId]: withItem(lines[item.productId], item) });
  return lines;
}

function withLine(lines: Lines, item: OrderItem): Lines {
  return { ...lines, [item.productId]: withItem(lines[item.productId], item) };
}

function withItem(line: Lines[string] | undefined, { quantity, unitPrice }: OrderItem): Lines[string] {
  const before = line ?? { quantity: 0, cost: 0 };
  return { quantity: before.quantity + quantity, cost: before.cost + quantity * unitPrice.amount };
}

function declined(state: FulfilmentProcessState, moment: OrderMoment, message: string): NextStep[] {
  if (state.status === 'STRANDED') return goOn(state, moment, uncharged(message));
  return fail(state, moment, 'PAYMENT', `The payment was declined: ${message}`, PaymentRefused({}));
}

const uncharged = (message: string) =>
  CaptureEnded({ declined: `The payment could not be taken after the order was shipped: ${message}` });

type OfAttempt = RecordedEvent<string, { readonly attempt: number }>;

/** An attempt that was replaced may still have been captured; then it is refunded. */
function isCapturing({ attempt, payment }: FulfilmentProcessState, { data }: OfAttempt): boolean {
  return data.attempt === attempt && payment === 'CAPTURING';
}

function returned(state: FulfilmentProcessState, event: OfAttempt, how: 'VOIDED' | 'REFUNDED' | 'KEPT'): NextStep[] {
  if (event.data.attempt !== state.attempt || state.payment !== 'RETURNING') return [];
  return goOn(state, momentOf(event), PaymentReturned({ how }));
}
