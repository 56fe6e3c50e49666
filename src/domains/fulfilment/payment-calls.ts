import { type CallAgain, callAgain, defineEffect, issue } from '../../index.ts';
import { Order } from '../orders/index.ts';
import { AuthorizationRequested, CaptureRequested, Payment, RefundRequested, VoidRequested } from './payment.ts';
import { recordAuthorization, recordCapture, recordRefund, recordVoid } from './payment-answers.ts';
import { type Declined, paymentGateway } from './payment-gateway.ts';

/** The reference under which the gateway knows an attempt. */
export function referenceOf(orderId: string, attempt: number): string {
  return `${orderId}-${attempt}`;
}

const reasonOf = ({ code, message }: Declined) => ({ code, message });

function uncertain({ is, reason }: { readonly is: string; readonly reason?: string }): CallAgain {
  return callAgain(reason ?? `The gateway says ${is}.`);
}

/** Sends payment requests to the gateway, and its answers back. */
export const PaymentCalls = defineEffect('PaymentCalls', {
  description: 'Calls to the payment gateway.',
  port: paymentGateway,
  reactsTo: { AuthorizationRequested, CaptureRequested, VoidRequested, RefundRequested },
  issues: { recordAuthorization, recordCapture, recordVoid, recordRefund },
  on: {
    AuthorizationRequested: async ({ streamId: orderId, data: { attempt, amount } }, { port, key, load, signal }) => {
      const payment = await load(Payment, orderId);
      // Already answered, or no longer wanted: then a void follows, which also covers a call in progress.
      if (payment?.attempt !== attempt || payment.status !== 'AUTHORIZING') return undefined;
      const method = (await load(Order, orderId))?.paymentMethod ?? '';
      const reference = referenceOf(orderId, attempt);
      const answer = (is: Declined | undefined) =>
        issue(recordAuthorization, { orderId, attempt, declined: is ? reasonOf(is) : null });
      const authorization = await port.authorize({ key, reference, amount, method, signal });
      if (authorization.is === 'authorized') return answer(undefined);
      if (authorization.is === 'declined') return answer(authorization);
      // It may have been done although the answer was lost.
      const found = await port.lookup({ reference, signal });
      if (found.is === 'authorized') return answer(undefined);
      return found.is === 'declined' ? answer(found) : uncertain(authorization);
    },

    CaptureRequested: async ({ streamId: orderId, data: { attempt } }, { port, key, load, signal }) => {
      const payment = await load(Payment, orderId);
      if (payment?.attempt !== attempt || payment.status !== 'CAPTURING') return undefined;
      const capture = await port.capture({ key, reference: referenceOf(orderId, attempt), signal });
      if (capture.is === 'captured') return issue(recordCapture, { orderId, attempt, declined: null });
      if (capture.is === 'declined') return issue(recordCapture, { orderId, attempt, declined: reasonOf(capture) });
      return uncertain(capture);
    },

    VoidRequested: async ({ streamId: orderId, data: { attempt } }, { port, key, load, signal }) => {
      const payment = await load(Payment, orderId);
      if (payment?.attempt === attempt && payment.status !== 'VOIDING') return undefined;
      const voiding = await port.void({ key, reference: referenceOf(orderId, attempt), signal });
      if (voiding.is === 'voided') return issue(recordVoid, { orderId, attempt, captured: false });
      if (voiding.is === 'captured') return issue(recordVoid, { orderId, attempt, captured: true });
      return uncertain(voiding);
    },

    RefundRequested: async ({ streamId: orderId, data: { attempt } }, { port, key, load, signal }) => {
      const payment = await load(Payment, orderId);
      if (payment?.attempt === attempt && payment.status !== 'REFUNDING') return undefined;
      const refund = await port.refund({ key, reference: referenceOf(orderId, attempt), signal });
      if (refund.is === 'refunded') return issue(recordRefund, { orderId, attempt, declined: null });
      if (refund.is === 'declined') return issue(recordRefund, { orderId, attempt, declined: reasonOf(refund) });
      return uncertain(refund);
    },
  },
});
