import type { NewEventOf } from '../../kernel/define/event.ts';
import { clearDeadline, issue, type Reached, type Step, setDeadline } from '../../kernel/define/process.ts';
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
  type FulfilmentState,
  type fulfilmentEvents,
  PaymentAsked,
  PaymentReturnAsked,
  ReservationCompleted,
  ReservationEnded,
  StockAsked,
} from './fulfilment-state.ts';
import { authorizePayment, cancelPayment, capturePayment } from './payment.ts';

export type Fact = NewEventOf<typeof fulfilmentEvents>;
export type FulfilmentStep = Step<Fact>;

/**
 * How long the gateway may be unable to say whether a payment is authorised, in ms, twice: from when it was to be asked, and
 * again from when that time was seen to be over. Nobody may have been there to ask it at first.
 */
export const PAYMENT_PATIENCE_MS = 30_000;
/** A deadline that is told of so much too late, in ms, says nothing of the gateway: this side was away. */
const AWAY_MS = 5000;

/**
 * Products for which something is asked at a time. An order has up to a thousand: each step of its fulfilment stays small, and
 * others' orders have their turns in between.
 */
export const STOCK_PORTION = 50;

/** The order, and when what happened was recorded. */
export interface Moment {
  readonly orderId: string;
  readonly at: Date;
}

/** Remembers what has happened, and does what is next because of it. */
export function goOn(state: FulfilmentState, moment: Moment, ...facts: readonly Fact[]): FulfilmentStep[] {
  const after = facts.reduce(apply, state);
  const steps = nextSteps(after, moment, answeredBy(facts));
  // What is done may make the next thing possible at once: with nothing to pay, say, the order is confirmed.
  const more = steps.filter((step): step is Fact => 'type' in step);
  return [...facts, ...steps, ...(more.length > 0 ? goOn(more.reduce(apply, after), moment) : [])];
}

/** Remembers what has happened, and that the order is to be cancelled for it. */
export function fail(
  state: FulfilmentState,
  moment: Moment,
  step: 'STOCK' | 'PAYMENT' | 'ORDER',
  reason: string,
  ...facts: readonly Fact[]
): FulfilmentStep[] {
  if (state.status !== 'RUNNING') return goOn(state, moment, ...facts);
  const { orderId } = moment;
  return [...facts, FulfilmentFailing({ step, reason }), issue(cancelOrder, { orderId, reason: cut(reason, 500) })];
}

/** Its time is over for the first time: it has as much again, and once more where this side was away. */
export function waitOn(state: FulfilmentState, { at }: Pick<Reached, 'at'>): FulfilmentStep[] {
  return state.payment === 'ASKED' ? [setDeadline('lastPayment', patienceFrom(at))] : [];
}

export function waitNoMore(state: FulfilmentState, reached: Reached): FulfilmentStep[] {
  const { process: orderId, at, due } = reached;
  if (state.payment !== 'ASKED') return [];
  if (at.getTime() - due.getTime() > AWAY_MS) return waitOn(state, reached);
  return fail(state, { orderId, at }, 'PAYMENT', 'The payment gateway could not say in time whether it is paid.');
}

/** Nothing is waited for any more. */
export const endWait = (): FulfilmentStep[] => [clearDeadline('payment'), clearDeadline('lastPayment')];

function patienceFrom(at: Date): Date {
  return new Date(at.getTime() + PAYMENT_PATIENCE_MS);
}

/** How many of a product are to be set aside: what is on the order, until it is cancelled or has left. */
export function wantedOf(state: FulfilmentState, productId: string): number {
  return goalOf(state) === 'HOLD' ? (state.lines[productId]?.quantity ?? 0) : 0;
}

/** What the order costs, in minor units. */
export function totalOf({ lines }: FulfilmentState): number {
  return Object.values(lines).reduce((total, { cost }) => total + cost, 0);
}

function goalOf({ status, isConfirmed, isShipped }: FulfilmentState): 'HOLD' | 'SHIP' | 'RELEASE' | 'WAIT' {
  if (status === 'RUNNING') return isConfirmed && isShipped ? 'SHIP' : 'HOLD';
  if (status === 'STRANDED') return 'SHIP';
  return status === 'CANCELLED' ? 'RELEASE' : 'WAIT';
}

/**
 * The product, if all that has happened is an answer about its stock. The others are looked at when all that was asked for is
 * answered, so that an order of a thousand lines is not gone through with each of a thousand answers.
 */
function answeredBy(facts: readonly Fact[]): string | undefined {
  const [fact] = facts;
  return facts.length === 1 && fact?.type === 'StockAnswered' ? fact.data.productId : undefined;
}

/**
 * Of each product at most one thing is asked for at a time, and so of the payment: what comes next depends on the answer.
 * @param only the only product of which something may have to be asked for while others are asked for; undefined if it may be any.
 */
function nextSteps(state: FulfilmentState, moment: Moment, only?: string): FulfilmentStep[] {
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
      // What was done last is taken back first; the shop need not wait for its stock until the gateway has answered.
      const steps = [...returnSteps(state, moment), ...stockSteps(state, moment, goal, only)];
      return steps.length > 0 ? steps : endSteps(state, 'RELEASED');
    }
  }
}

function stockSteps(
  state: FulfilmentState,
  { orderId }: Moment,
  goal: 'HOLD' | 'SHIP' | 'RELEASE',
  only?: string,
): FulfilmentStep[] {
  const quantities: Record<string, number> = {};
  let room = STOCK_PORTION - productsOf(state.asked).length;
  const askFor = (productId: string, quantity: number) => {
    if (countOf(state.asked, productId) !== undefined || (countOf(state.held, productId) ?? 0) === quantity) return;
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
    ...asked.map(([productId, quantity]) => {
      if (quantity > 0) return issue(reserveStock, { productId, orderId, quantity });
      return issue(goal === 'SHIP' ? shipStock : releaseStock, { productId, orderId });
    }),
  ];
}

/** Those that are on the order, and those that only are set aside for it. */
function* productsToAskFor({ lines, held }: FulfilmentState): Iterable<string> {
  yield* Object.keys(lines);
  for (const productId of productsOf(held)) if (!(productId in lines)) yield productId;
}

function isAsked({ asked }: FulfilmentState): boolean {
  return !isEmpty(asked);
}

/** Undefined where the payment is as it is to be. */
function paymentSteps(state: FulfilmentState, moment: Moment): FulfilmentStep[] | undefined {
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

function confirmSteps(state: FulfilmentState, { orderId }: Moment): FulfilmentStep[] {
  const { revision, confirmedRevision, isAccepted, isConfirmed } = state;
  if (isAccepted) return isConfirmed ? [] : [FulfilmentConfirmed({})];
  return confirmedRevision === revision ? [] : [ConfirmationAsked({}), issue(confirmPaidOrder, { orderId, revision })];
}

function chargeSteps(state: FulfilmentState, moment: Moment): FulfilmentStep[] {
  const { payment, amount } = state;
  // Shipped on trust before it was paid. What was declined is not asked for again.
  const isUnpaid = (payment === 'NONE' || payment === 'SECURED') && amount !== totalOf(state);
  if (isUnpaid) return paymentSteps(state, moment) ?? [];
  return payment === 'SECURED' ? [CaptureAsked({}), issue(capturePayment, { orderId: moment.orderId })] : [];
}

function returnSteps({ payment }: FulfilmentState, { orderId }: Moment): FulfilmentStep[] {
  if (payment !== 'ASKED' && payment !== 'SECURED') return [];
  return [PaymentReturnAsked({}), issue(cancelPayment, { orderId })];
}

/** Nothing is left to be asked for: is it over? */
function endSteps(state: FulfilmentState, how: 'SHIPPED' | 'RELEASED'): FulfilmentStep[] {
  if (isAsked(state)) return [];
  if (state.reservation === 'OPEN' && state.hasHeld) return [ReservationEnded({ how })];
  if (['ASKED', 'RETURNING', 'CAPTURING'].includes(state.payment)) return [];
  const { reason } = state;
  return [reason === '' ? FulfilmentCompleted({}) : FulfilmentFailed({ reason })];
}

function apply(state: FulfilmentState, fact: Fact): FulfilmentState {
  const step = evolve[fact.type] as ((state: FulfilmentState, fact: Fact) => FulfilmentState) | undefined;
  return step?.(state, fact) ?? state;
}
