import { describe, it } from 'vitest';
import {
  AuthorizationRequested,
  authorizePayment,
  CaptureDeclined,
  CaptureRequested,
  cancelPayment,
  capturePayment,
  Payment,
  PaymentAuthorized,
  PaymentCaptured,
  PaymentDeclined,
  PaymentRefunded,
  PaymentVoided,
  RefundDeclined,
  RefundRequested,
  VoidRequested,
} from '../../../src/domains/fulfilment/payment.ts';
import {
  recordAuthorization,
  recordCapture,
  recordRefund,
  recordVoid,
} from '../../../src/domains/fulfilment/payment-answers.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { gbp, ORDER, STAFF } from '../fixtures.ts';

const orderId = ORDER;
const amount = gbp(4200);
const attempt = 1;
const declined = { code: 'card_declined', message: 'The card was declined.' };
const done = { orderId, attempt, declined: null };
const not = { orderId, attempt, declined };

const asked = [AuthorizationRequested({ attempt, amount })];
const authorized = [...asked, PaymentAuthorized({ attempt, amount })];
const capturing = [...authorized, CaptureRequested({ attempt })];
const captured = [...capturing, PaymentCaptured({ attempt })];
const voiding = [...authorized, VoidRequested({ attempt })];
const refunding = [...captured, RefundRequested({ attempt })];

describe('a payment', () => {
  it('is authorised in attempts: of another amount the one before is voided', async () => {
    await given(Payment)
      .when(authorizePayment, { orderId, amount })
      .thenEvents(...asked);
    const more = { orderId, amount: gbp(5000) };
    const another = AuthorizationRequested({ attempt: 2, amount: gbp(5000) });
    for (const past of [asked, authorized])
      await given(Payment, past).when(authorizePayment, more).thenEvents(VoidRequested({ attempt }), another);
    await given(Payment, [...asked, PaymentDeclined({ attempt, ...declined })])
      .when(authorizePayment, more)
      .thenEvents(another);
  });

  it('is taken once it is authorised, and once', async () => {
    await given(Payment, authorized).when(capturePayment, { orderId }).thenEvents(CaptureRequested({ attempt }));
    for (const past of [asked, capturing, captured, voiding])
      await given(Payment, past).when(capturePayment, { orderId }).thenEvents();
  });

  it('is voided before it was taken and refunded after', async () => {
    for (const past of [asked, authorized, capturing])
      await given(Payment, past).when(cancelPayment, { orderId }).thenEvents(VoidRequested({ attempt }));
    await given(Payment, captured).when(cancelPayment, { orderId }).thenEvents(RefundRequested({ attempt }));
    for (const past of [voiding, refunding, [...voiding, PaymentVoided({ attempt })]])
      await given(Payment, past).when(cancelPayment, { orderId }).thenEvents();
  });

  it('is nobody’s business but the application’s', () =>
    given(Payment).by(STAFF).when(authorizePayment, { orderId, amount }).thenForbidden());
});

describe('what the gateway answers', () => {
  it('is remembered', async () => {
    await given(Payment, asked).when(recordAuthorization, done).thenEvents(PaymentAuthorized({ attempt, amount }));
    await given(Payment, asked)
      .when(recordAuthorization, not)
      .thenEvents(PaymentDeclined({ attempt, ...declined }));
    await given(Payment, capturing).when(recordCapture, done).thenEvents(PaymentCaptured({ attempt }));
    await given(Payment, capturing)
      .when(recordCapture, not)
      .thenEvents(CaptureDeclined({ attempt, ...declined }));
    await given(Payment, refunding).when(recordRefund, done).thenEvents(PaymentRefunded({ attempt }));
    await given(Payment, refunding)
      .when(recordRefund, not)
      .thenEvents(RefundDeclined({ attempt, ...declined }));
  });

  it('changes nothing if it comes too late', async () => {
    await given(Payment, voiding).when(recordAuthorization, done).thenEvents();
    await given(Payment, voiding).when(recordCapture, done).thenEvents();
    const again = [...voiding, AuthorizationRequested({ attempt: 2, amount })];
    await given(Payment, again).when(recordAuthorization, not).thenEvents();
  });

  it('is that it had been taken when it was to be voided: then it is refunded', () =>
    given(Payment, [...capturing, VoidRequested({ attempt })])
      .when(recordVoid, { orderId, attempt, captured: true })
      .thenEvents(PaymentCaptured({ attempt }), RefundRequested({ attempt })));

  it('may be about an attempt that another has replaced', async () => {
    const replaced = [...voiding, AuthorizationRequested({ attempt: 2, amount })];
    await given(Payment, replaced)
      .when(recordVoid, { orderId, attempt, captured: false })
      .thenEvents(PaymentVoided({ attempt }));
    await given(Payment, [...replaced, PaymentVoided({ attempt })])
      .when(recordAuthorization, { orderId, attempt: 2, declined: null })
      .thenEvents(PaymentAuthorized({ attempt: 2, amount }));
    // The payment was captured although nobody here asked for it: it is refunded, and the newer attempt continues.
    const refunded = [...replaced, PaymentCaptured({ attempt }), RefundRequested({ attempt })];
    await given(Payment, replaced)
      .when(recordVoid, { orderId, attempt, captured: true })
      .thenEvents(...refunded.slice(replaced.length));
    await given(Payment, refunded).when(recordRefund, done).thenEvents(PaymentRefunded({ attempt }));
    await given(Payment, refunded)
      .when(recordAuthorization, { orderId, attempt: 2, declined: null })
      .thenEvents(PaymentAuthorized({ attempt: 2, amount }));
  });
});
