import { z } from 'zod';
import { defineEvent, type Evolve, nonPersonal, personal } from '../../index.ts';
import { Id } from '../shared/fields.ts';
import { type PieceCounts, withCount, withCounts, withoutCount } from './counts.ts';

/** For each product on the order, the total quantity and cost. */
const Lines = z.record(Id, z.object({ quantity: z.int(), cost: z.int() }));
export type Lines = z.output<typeof Lines>;
const Nothing = z.object({});

export const FulfilmentBegun = defineEvent('FulfilmentBegun', {
  data: z.object({ lines: Lines, currency: nonPersonal(z.string()) }),
});
export const FulfilmentChanged = defineEvent('FulfilmentChanged', {
  description: `The items of the order have changed: all lines as they are now, so that what is to be set aside and
paid follows from the newest of them alone.`,
  data: z.object({ lines: Lines }),
});
export const StockAsked = defineEvent('StockAsked', {
  description: 'Requested reservations, by product; 0 for none.',
  data: z.object({ quantities: z.record(Id, z.int()) }),
});
export const StockAnswered = defineEvent('StockAnswered', {
  description: 'The number of pieces of a product that are reserved now, as requested or not.',
  data: z.object({ productId: Id, held: z.int() }),
});
export const ReservationCompleted = defineEvent('ReservationCompleted', {
  description: 'Everything on the order is reserved.',
  data: Nothing,
});
export const ReservationEnded = defineEvent('ReservationEnded', {
  description: 'Nothing is reserved for the order any more.',
  data: z.object({ how: z.enum(['RELEASED', 'SHIPPED']) }),
});
export const PaymentAsked = defineEvent('PaymentAsked', { data: z.object({ amount: z.int() }) });
export const PaymentSecured = defineEvent('PaymentSecured', {
  description: 'The requested amount is authorised.',
  data: Nothing,
});
export const PaymentRefused = defineEvent('PaymentRefused', { data: Nothing });
export const CaptureAsked = defineEvent('CaptureAsked', { data: Nothing });
export const CaptureEnded = defineEvent('CaptureEnded', {
  data: z.object({ declined: personal(z.string()).nullable() }),
});
export const PaymentReturnAsked = defineEvent('PaymentReturnAsked', { data: Nothing });
export const PaymentReturned = defineEvent('PaymentReturned', {
  data: z.object({ how: z.enum(['NONE', 'VOIDED', 'REFUNDED', 'KEPT']) }),
});
export const ConfirmationAsked = defineEvent('ConfirmationAsked', { data: Nothing });
export const ConfirmationSeen = defineEvent('ConfirmationSeen', {
  description: 'The order is confirmed, by the fulfilment or by people.',
  data: Nothing,
});
export const FulfilmentConfirmed = defineEvent('FulfilmentConfirmed', {
  description: 'The order is confirmed, its stock reserved and its payment authorised.',
  data: Nothing,
});
export const ShipmentSeen = defineEvent('ShipmentSeen', { data: Nothing });
export const FulfilmentFailing = defineEvent('FulfilmentFailing', {
  description: 'A step has failed: the order must be cancelled.',
  data: z.object({ step: z.enum(['STOCK', 'PAYMENT', 'ORDER']), reason: personal(z.string()) }),
});
export const CancellationSeen = defineEvent('CancellationSeen', {
  description: 'The order is cancelled: completed steps are compensated.',
  data: z.object({ reason: personal(z.string()) }),
});
export const CancellationRefused = defineEvent('CancellationRefused', {
  description: 'A step has failed after the order was shipped: whatever is possible is compensated.',
  data: Nothing,
});
export const FulfilmentCompleted = defineEvent('FulfilmentCompleted', { data: Nothing });
export const FulfilmentFailed = defineEvent('FulfilmentFailed', {
  description: 'Everything that could be compensated is.',
  data: z.object({ reason: personal(z.string()) }),
});

export const fulfilmentEvents = {
  FulfilmentBegun,
  FulfilmentChanged,
  StockAsked,
  StockAnswered,
  ReservationCompleted,
  ReservationEnded,
  PaymentAsked,
  PaymentSecured,
  PaymentRefused,
  CaptureAsked,
  CaptureEnded,
  PaymentReturnAsked,
  PaymentReturned,
  ConfirmationAsked,
  ConfirmationSeen,
  FulfilmentConfirmed,
  ShipmentSeen,
  FulfilmentFailing,
  CancellationSeen,
  CancellationRefused,
  FulfilmentCompleted,
  FulfilmentFailed,
};

export interface FulfilmentProcessState {
  /**
   * RUNNING: on the way to confirming and shipping. FAILING: the cancellation of the order is requested. CANCELLED: it
   * is cancelled. STRANDED: it should be cancelled, but has been shipped. OVER: nothing more happens.
   */
  readonly status: 'NONE' | 'RUNNING' | 'FAILING' | 'CANCELLED' | 'STRANDED' | 'OVER';
  readonly reason: string;
  readonly currency: string;
  readonly lines: Lines;
  /** Revision of the order: 1, plus one for each change of its items. */
  readonly revision: number;
  /** Reserved quantities, by product. */
  readonly held: PieceCounts;
  /** Something was reserved at some time. */
  readonly hasHeld: boolean;
  /** Requested quantities without an answer, by product. */
  readonly asked: PieceCounts;
  /** The revision for which everything was reserved. */
  readonly reservedRevision: number;
  readonly reservation: 'OPEN' | 'RELEASED' | 'SHIPPED';
  readonly payment: 'NONE' | 'ASKED' | 'SECURED' | 'RETURNING' | 'RETURNED' | 'CAPTURING' | 'CAPTURED' | 'UNCAPTURED';
  /** The amount that is requested or authorised. */
  readonly amount: number;
  /** Number of payment attempts. */
  readonly attempt: number;
  /** The revision whose confirmation was requested last. */
  readonly confirmedRevision: number;
  readonly isAccepted: boolean;
  readonly isConfirmed: boolean;
  readonly isShipped: boolean;
}

export const initialState = (): FulfilmentProcessState => ({
  status: 'NONE',
  reason: '',
  currency: '',
  lines: {},
  revision: 0,
  held: {},
  hasHeld: false,
  asked: {},
  reservedRevision: 0,
  reservation: 'OPEN',
  payment: 'NONE',
  amount: 0,
  attempt: 0,
  confirmedRevision: 0,
  isAccepted: false,
  isConfirmed: false,
  isShipped: false,
});

export const evolve: Evolve<FulfilmentProcessState, typeof fulfilmentEvents> = {
  FulfilmentBegun: (state, { data }) => ({ ...state, ...data, status: 'RUNNING', revision: 1 }),
  FulfilmentChanged: (state, { data }) => ({ ...state, ...data, revision: state.revision + 1 }),
  StockAsked: (state, { data }) => ({ ...state, asked: withCounts(state.asked, data.quantities) }),
  StockAnswered: (state, { data: { productId, held } }) => ({
    ...state,
    asked: withoutCount(state.asked, productId),
    hasHeld: state.hasHeld || held > 0,
    held: withCount(state.held, productId, held),
  }),
  ReservationCompleted: (state) => ({ ...state, reservedRevision: state.revision }),
  ReservationEnded: (state, { data }) => ({ ...state, reservation: data.how }),
  PaymentAsked: (state, { data }) => ({ ...state, payment: 'ASKED', ...data, attempt: state.attempt + 1 }),
  PaymentSecured: (state) => ({ ...state, payment: 'SECURED' }),
  PaymentRefused: (state) => ({ ...state, payment: 'NONE' }),
  CaptureAsked: (state) => ({ ...state, payment: 'CAPTURING' }),
  CaptureEnded: (state, { data: { declined } }) =>
    declined === null
      ? { ...state, payment: 'CAPTURED' }
      : { ...state, payment: 'UNCAPTURED', reason: state.reason || declined },
  PaymentReturnAsked: (state) => ({ ...state, payment: 'RETURNING' }),
  PaymentReturned: (state) => ({ ...state, payment: 'RETURNED' }),
  ConfirmationAsked: (state) => ({ ...state, confirmedRevision: state.revision }),
  ConfirmationSeen: (state) => ({ ...state, isAccepted: true }),
  FulfilmentConfirmed: (state) => ({ ...state, isConfirmed: true }),
  ShipmentSeen: (state) => ({ ...state, isShipped: true }),
  FulfilmentFailing: (state, { data }) => ({ ...state, status: 'FAILING', reason: data.reason }),
  CancellationSeen: (state, { data }) => ({ ...state, status: 'CANCELLED', reason: data.reason }),
  CancellationRefused: (state) => ({ ...state, status: 'STRANDED' }),
  FulfilmentCompleted: (state) => ({ ...state, status: 'OVER' }),
  FulfilmentFailed: (state) => ({ ...state, status: 'OVER' }),
};
