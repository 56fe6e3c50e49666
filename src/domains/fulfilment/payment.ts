import { z } from 'zod';
import { defineAggregate, defineCommand, defineEvent, nonPersonal, personal } from '../../index.ts';
import { id } from '../shared/fields.ts';
import { Money, MoneyInput } from '../shared/money.ts';

/**
 * An authorisation is an attempt. If the amount changes, the last attempt is voided and a new one begins. A request to
 * the gateway is one event, its answer another.
 */
const Attempt = { attempt: z.int() };
const Reason = { code: nonPersonal(z.string()), message: personal(z.string()) };

export const AuthorizationRequested = defineEvent('AuthorizationRequested', {
  data: z.object({ ...Attempt, amount: Money }),
});
export const PaymentAuthorized = defineEvent('PaymentAuthorized', { data: z.object({ ...Attempt, amount: Money }) });
export const PaymentDeclined = defineEvent('PaymentDeclined', { data: z.object({ ...Attempt, ...Reason }) });
export const CaptureRequested = defineEvent('CaptureRequested', { data: z.object(Attempt) });
export const PaymentCaptured = defineEvent('PaymentCaptured', { data: z.object(Attempt) });
export const CaptureDeclined = defineEvent('CaptureDeclined', { data: z.object({ ...Attempt, ...Reason }) });
export const VoidRequested = defineEvent('VoidRequested', { data: z.object(Attempt) });
export const PaymentVoided = defineEvent('PaymentVoided', { data: z.object(Attempt) });
export const RefundRequested = defineEvent('RefundRequested', { data: z.object(Attempt) });
export const PaymentRefunded = defineEvent('PaymentRefunded', { data: z.object(Attempt) });
export const RefundDeclined = defineEvent('RefundDeclined', { data: z.object({ ...Attempt, ...Reason }) });

/** State of an attempt; those that end with ING wait for the gateway. */
export type PaymentStatus =
  | 'NONE'
  | 'AUTHORIZING'
  | 'AUTHORIZED'
  | 'DECLINED'
  | 'CAPTURING'
  | 'CAPTURED'
  | 'VOIDING'
  | 'VOIDED'
  | 'REFUNDING'
  | 'REFUNDED';

export interface PaymentState {
  /** Number of the newest attempt; 0 before the first. Earlier ones are voided. */
  readonly attempt: number;
  readonly status: PaymentStatus;
  readonly amount: Money;
}

export const Payment = defineAggregate('Payment', {
  description: 'The payment of an order; it has the order’s id.',
  sharesIdsWith: ['Order'],
  // The fulfilment of an order pays it: its payment is about whom the order is about.
  subject: 'inherited',
  initialState: (): PaymentState => ({ attempt: 0, status: 'NONE', amount: { amount: 0, currency: '' } }),
  events: {
    AuthorizationRequested,
    PaymentAuthorized,
    PaymentDeclined,
    CaptureRequested,
    PaymentCaptured,
    CaptureDeclined,
    VoidRequested,
    PaymentVoided,
    RefundRequested,
    PaymentRefunded,
    RefundDeclined,
  },
  evolve: {
    AuthorizationRequested: (_, { data: { attempt, amount } }) => ({ attempt, status: 'AUTHORIZING', amount }),
    PaymentAuthorized: (payment, { data }) => of(payment, data.attempt, 'AUTHORIZED'),
    PaymentDeclined: (payment, { data }) => of(payment, data.attempt, 'DECLINED'),
    CaptureRequested: (payment, { data }) => of(payment, data.attempt, 'CAPTURING'),
    PaymentCaptured: (payment, { data }) => of(payment, data.attempt, 'CAPTURED'),
    CaptureDeclined: (payment, { data }) => of(payment, data.attempt, 'AUTHORIZED'),
    VoidRequested: (payment, { data }) => of(payment, data.attempt, 'VOIDING'),
    PaymentVoided: (payment, { data }) => of(payment, data.attempt, 'VOIDED'),
    RefundRequested: (payment, { data }) => of(payment, data.attempt, 'REFUNDING'),
    PaymentRefunded: (payment, { data }) => of(payment, data.attempt, 'REFUNDED'),
    RefundDeclined: (payment, { data }) => of(payment, data.attempt, 'CAPTURED'),
  },
});

/** Ignores answers about an attempt that was replaced. */
function of(payment: PaymentState, attempt: number, status: PaymentStatus): PaymentState {
  return attempt === payment.attempt ? { ...payment, status } : payment;
}

const orderId = id('The order.');
const OfOrder = z.object({ orderId });

export const authorizePayment = defineCommand('authorizePayment', {
  description: 'Requests the authorisation of an amount; an earlier authorisation is voided.',
  aggregate: Payment,
  creates: true,
  input: z.object({ orderId, amount: MoneyInput }),
  id: (input) => input.orderId,
  allow: ['system'],
  decide: ({ attempt, status }, { amount }) => {
    const another = AuthorizationRequested({ attempt: attempt + 1, amount });
    return status === 'AUTHORIZED' || status === 'AUTHORIZING' ? [VoidRequested({ attempt }), another] : another;
  },
});

export const capturePayment = defineCommand('capturePayment', {
  description: 'Requests the capture of the authorised amount.',
  aggregate: Payment,
  input: OfOrder,
  id: (input) => input.orderId,
  allow: ['system'],
  decide: ({ attempt, status }) => (status === 'AUTHORIZED' ? CaptureRequested({ attempt }) : []),
});

export const cancelPayment = defineCommand('cancelPayment', {
  description: 'Requests that the authorised amount is voided, or the captured one refunded.',
  aggregate: Payment,
  input: OfOrder,
  id: (input) => input.orderId,
  allow: ['system'],
  decide: ({ attempt, status }) => {
    // If a capture is in progress, voiding finds out what became of it.
    if (status === 'AUTHORIZING' || status === 'AUTHORIZED' || status === 'CAPTURING')
      return VoidRequested({ attempt });
    return status === 'CAPTURED' ? RefundRequested({ attempt }) : [];
  },
});
