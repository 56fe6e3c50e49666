import { z } from 'zod';
import { defineCommand } from '../../kernel/define/command.ts';
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

// What the gateway has answered, as commands. What comes too late for what is wanted now changes nothing; but an attempt that another
// one has replaced is voided, or given back, all the same.

const Answer = z.object({
  orderId: id('The order.'),
  attempt: z.int(),
  /** Why not; null where it was done. */
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
  description: 'The gateway has freed the amount; or it had been taken, and is to be given back.',
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
