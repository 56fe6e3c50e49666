import { clearDeadline, issue, type NewEventOf, type Reached, type Step, setDeadline } from '../../index.ts';
import { cancelOrder, confirmPaidOrder } from '../orders/index.ts';
import { releaseStock, reserveStock, shipStock } from '../products/index.ts';
import { cut } from '../shared/cut.ts';
import { countOf, isEmpty, productsOf } from './counts.ts';
import {
  CaptureAsked,
  ConfirmationAsked,
  evolve,
  FulfilmentCompleted,
  FulfilmentConfirmed,
  FulfilmentFailed,
  FulfilmentFailing,
  type FulfilmentProcessState,
  type fulfilmentEvents,
  PaymentAsked,
  PaymentReturnAsked,
  ReservationCompleted,
  ReservationEnded,
  StockAsked,
} from './fulfilment-state.ts';
import { authorizePayment, cancelPayment, capturePayment } from './payment.ts';

export type Fact = NewEventOf<typeof fulfilmentEvents>;
/** The commands that the process issues. */
export const fulfilmentCommands = {
  reserveStock,
  releaseStock,
  shipStock,
  authorizePayment,
  capturePayment,
  cancelPayment,
  confirmPaidOrder,
  cancelOrder,
};
export type NextStep = Step<Fact, keyof typeof fulfilmentCommands, 'payment' | 'lastPayment'>;

/**
 * How long the gateway may be unable to say whether a payment is authorised, in ms. It applies twice: from the moment
 * of the request, and again from the moment when that time is found to be over, because nobody may have been running to
 * ask.
 */
export const PAYMENT_PATIENCE_MS = 30_000;
/** A deadline that fires later than this, in ms, says nothing about the gateway: our own side was down. */
const AWAY_MS = 5000;

/**
 * Products that are requested at a time. An order has up to a thousand: each step of its fulfilment stays small, and
 * other orders get their turn in between.
 */
export const STOCK_PORTION = 50;

/** The order, and when the event was recorded. */
export interface OrderMoment {
  readonly orderId: string;
  readonly at: Date;
}

/** Records what has happened, and the steps that follow from it. */
export function goOn(state: FulfilmentProcessState, moment: OrderMoment, ...facts: readonly Fact[]): NextStep[] {
  const after = facts.reduce(apply, state);
  const steps = nextSteps(after, moment, answeredBy(facts));
  // A step may make the next one possible at once: if there is nothing to pay, for example, the order is confirmed.
  const more = steps.filter((step): step is Fact => 'type' in step);
  return [...facts, ...steps, ...(more.length > 0 ? goOn(more.reduce(apply, after), moment) : [])];
}

/** Records what has happened, and that the order must be cancelled because of it. */
export function fail(
  state: FulfilmentProcessState,
  moment: OrderMoment,
  step: 'STOCK' | 'PAYMENT' | 'ORDER',
  reason: string,
  ...facts: readonly Fact[]
): NextStep[] {
  if (state.status !== 'RUNNING') return goOn(state, moment, ...facts);
  const { orderId } = moment;
  return [...facts, FulfilmentFailing({ step, reason }), issue(cancelOrder, { orderId, reason: cut(reason, 500) })];
}

/** When the time is first over, it is extended once by the same amount, and once more if our own side was down. */
export function waitOn(state: FulfilmentProcessState, { at }: Pick<Reached, 'at'>): NextStep[] {
  return state.payment === 'ASKED' ? [setDeadline('lastPayment', patienceFrom(at))] : [];
}

export function waitNoMore(state: FulfilmentProcessState, reached: Reached): NextStep[] {
  const { process: orderId, at, due } = reached;
  if (state.payment !== 'ASKED') return [];
  if (at.getTime() - due.getTime() > AWAY_MS) return waitOn(state, reached);
  return fail(state, { orderId, at }, 'PAYMENT', 'The payment gateway could not say in time whether it is paid.');
}

/** Stops waiting. */
export const endWait = (): NextStep[] => [clearDeadline('payment'), clearDeadline('lastPayment')];

function patienceFrom(at: Date): Date {
  return new Date(at.getTime() + PAYMENT_PATIENCE_MS);
}

/** Quantity of a product to reserve: the quantity on the order, until it is cancelled or shipped. */
export function wantedOf(state: FulfilmentProcessState, productId: string): number {
  return goalOf(state) === 'HOLD' ? (state.lines[productId]?.quantity ?? 0) : 0;
}

/** Quantity of a product that is reserved for the order. */
export function heldOf(state: FulfilmentProcessState, productId: string): number {
  return countOf(state.held, productId) ?? 0;
}

/** Cost of the order, in minor units. */
export function totalOf({ lines }: FulfilmentProcessState): number {
  return Object.values(lines).reduce((total, { cost }) => total + cost, 0);
}

function goalOf({ status, isConfirmed, isShipped }: FulfilmentProcessState): 'HOLD' | 'SHIP' | 'RELEASE' | 'WAIT' {
  if (status === 'RUNNING') return isConfirmed && isShipped ? 'SHIP' : 'HOLD';
  if (status === 'STRANDED') return 'SHIP';
  return status === 'CANCELLED' ? 'RELEASE' : 'WAIT';
}

/**
 * The product, if the only event is an answer about its stock. The other products are checked once every request has
 * been answered, so that a thousand answers do not each check a thousand lines.
 */
function answeredBy(facts: readonly Fact[]): string | undefined {
  const [fact] = facts;
  return facts.length === 1 && fact?.type === 'StockAnswered' ? fact.data.productId : undefined;
}

/**
 * At most one request at a time for each product, and for the payment: what comes next depends on the answer.
 * @param only the only product that may need a request while others are outstanding; undefined if any may.
 */
function nextSteps(state: FulfilmentProcessState, moment: OrderMoment, only?: string): NextStep[] {
  const goal = goalOf(state);
  switch (goal) {
    case 'WAIT':
      return [];
    case 'HOLD': {
      const stock = stockSteps(state, moment, goal, only);
      if (stock.length > 0 || isAsked(state)) return stock;
      if (state.reservedRevision !== state.revision) return [ReservationCompleted({})];
      return paymentSteps(state, moment) ?? confirmSteps(state, moment);
    }
    case 'SHIP': {
      const steps = [...chargeSteps(state, moment), ...stockSteps(state, moment, goal, only)];
      return steps.length > 0 ? steps : endSteps(state, 'SHIPPED');
    }
    case 'RELEASE': {
      // Compensation runs in reverse order, but the shop does not wait for the gateway before it releases stock.
      const steps = [...returnSteps(state, moment), ...stockSteps(state, moment, goal, only)];
      return steps.length > 0 ? steps : endSteps(state, 'RELEASED');
    }
  }
}

function stockSteps(
  state: FulfilmentProcessState,
  { orderId }: OrderMoment,
  goal: 'HOLD' | 'SHIP' | 'RELEASE',
  only?: string,
): NextStep[] {
  const quantities: Record<string, number> = {};
  let room = STOCK_PORTION - productsOf(state.asked).length;
  const askFor = (productId: string, quantity: number) => {
    if (countOf(state.asked, productId) !== undefined || heldOf(state, productId) === quantity) return;
    quantities[productId] = quantity;
    room--;
  };
  if (only !== undefined) askFor(only, wantedOf(state, only));
  if (only === undefined || !isAsked(state)) {
    for (const productId of productsToAskFor(state)) {
      if (room <= 0) break;
      askFor(productId, wantedOf(state, productId));
    }
  }
  const asked = Object.entries(quantities);
  if (asked.length === 0) return [];
  return [
    StockAsked({ quantities }),
    ...asked.map(([productId, wanted]) => {
      const more = wanted - heldOf(state, productId);
      if (more > 0) return issue(reserveStock, { productId, orderId, quantity: more });
      return issue(goal === 'SHIP' ? shipStock : releaseStock, { productId, orderId, quantity: -more });
    }),
  ];
}

/** Products on the order, and those that are only reserved for it. */
function* productsToAskFor({ lines, held }: FulfilmentProcessState): Iterable<string> {
  yield* Object.keys(lines);
  for (const productId of productsOf(held)) if (!(productId in lines)) yield productId;
}

function isAsked({ asked }: FulfilmentProcessState): boolean {
  return !isEmpty(asked);
}

/** Undefined if the payment is already as it should be. */
function paymentSteps(state: FulfilmentProcessState, moment: OrderMoment): NextStep[] | undefined {
  const { payment, currency } = state;
  const { orderId, at } = moment;
  const total = totalOf(state);
  if (payment === 'ASKED' || payment === 'RETURNING') return [];
  if (payment === 'SECURED' && state.amount === total) return undefined;
  if (total === 0) return payment === 'SECURED' ? returnSteps(state, moment) : undefined;
  return [
    PaymentAsked({ amount: total }),
    issue(authorizePayment, { orderId, amount: { amount: total, currency } }),
    setDeadline('payment', patienceFrom(at)),
  ];
}

function confirmSteps(state: FulfilmentProcessState, { orderId }: OrderMoment): NextStep[] {
  const { revision, confirmedRevision, isAccepted, isConfirmed } = state;
  if (isAccepted) return isConfirmed ? [] : [FulfilmentConfirmed({})];
  return confirmedRevision === revision ? [] : [ConfirmationAsked({}), issue(confirmPaidOrder, { orderId, revision })];
}

function chargeSteps(state: FulfilmentProcessState, moment: OrderMoment): NextStep[] {
  const { payment, amount } = state;
  // Shipped on trust before payment. A declined payment is not requested again.
  const isUnpaid = (payment === 'NONE' || payment === 'SECURED') && amount !== totalOf(state);
  if (isUnpaid) return paymentSteps(state, moment) ?? [];
  return payment === 'SECURED' ? [CaptureAsked({}), issue(capturePayment, { orderId: moment.orderId })] : [];
}

function returnSteps({ payment }: FulfilmentProcessState, { orderId }: OrderMoment): NextStep[] {
  if (payment !== 'ASKED' && payment !== 'SECURED') return [];
  return [PaymentReturnAsked({}), issue(cancelPayment, { orderId })];
}

/** Nothing is left to request: checks whether the fulfilment is over. */
function endSteps(state: FulfilmentProcessState, how: 'SHIPPED' | 'RELEASED'): NextStep[] {
  if (isAsked(state)) return [];
  if (state.reservation === 'OPEN' && state.hasHeld) return [ReservationEnded({ how })];
  if (['ASKED', 'RETURNING', 'CAPTURING'].includes(state.payment)) return [];
  const { reason } = state;
  return [reason === '' ? FulfilmentCompleted({}) : FulfilmentFailed({ reason })];
}

function apply(state: FulfilmentProcessState, fact: Fact): FulfilmentProcessState {
  const step = evolve[fact.type] as ((state: FulfilmentProcessState, fact: Fact) => FulfilmentProcessState) | undefined;
  return step?.(state, fact) ?? state;
}
