import { z } from 'zod';
import { defineCommand } from '../../index.ts';
import { id } from '../shared/fields.ts';
import {
  CaptureDeclined,
  Payment,
  PaymentAuthorized,
  PaymentCaptured,
  PaymentDeclined,
  PaymentRefunded,
  PaymentVoided,
  RefundDeclined,
  RefundRequested,
} from './payment.ts';

// The gateway's answers, as commands. A late answer that is no longer relevant changes nothing; but an attempt that was
// replaced is still voided or refunded.

const Answer = z.object({
  orderId: id('The order.'),
  attempt: z.int(),
  /** The reason for a refusal; null if it was done. */
  declined: z.object({ code: z.string(), message: z.string() }).nullable(),
});
const Answered = Answer.omit({ declined: true });

export const recordAuthorization = defineCommand('recordAuthorization', {
  description: 'The gateway has set the amount aside, or will not.',
  aggregate: Payment,
  input: Answer,
  id: (input) => input.orderId,
  allow: ['system'],
  decide: (payment, { attempt, declined }) => {
    if (payment.attempt !== attempt || payment.status !== 'AUTHORIZING') return [];
    return declined
      ? PaymentDeclined({ attempt, ...declined })
      : PaymentAuthorized({ attempt, amount: payment.amount });
  },
});

export const recordCapture = defineCommand('recordCapture', {
  description: 'The gateway has taken the amount, or will not.',
  aggregate: Payment,
  input: Answer,
  id: (input) => input.orderId,
  allow: ['system'],
  decide: (payment, { attempt, declined }) => {
    if (payment.attempt !== attempt || payment.status !== 'CAPTURING') return [];
    return declined ? CaptureDeclined({ attempt, ...declined }) : PaymentCaptured({ attempt });
  },
});

export const recordVoid = defineCommand('recordVoid', {
  description: 'The gateway has voided the amount; or it had been captured and must be refunded.',
  aggregate: Payment,
  input: Answered.extend({ captured: z.boolean() }),
  id: (input) => input.orderId,
  allow: ['system'],
  decide: (payment, { attempt, captured }) => {
    if (payment.attempt === attempt && payment.status !== 'VOIDING') return [];
    return captured ? [PaymentCaptured({ attempt }), RefundRequested({ attempt })] : PaymentVoided({ attempt });
  },
});

export const recordRefund = defineCommand('recordRefund', {
  description: 'The gateway has given the amount back, or will not.',
  aggregate: Payment,
  input: Answer,
  id: (input) => input.orderId,
  allow: ['system'],
  decide: (payment, { attempt, declined }) => {
    if (payment.attempt === attempt && payment.status !== 'REFUNDING') return [];
    return declined ? RefundDeclined({ attempt, ...declined }) : PaymentRefunded({ attempt });
  },
});
