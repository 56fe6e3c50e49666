import { count, httpUrlOr, setting, text } from '../settings/setting.ts';

/** The payment gateway. */
export const paymentsSettings = {
  paymentGatewayUrl: setting(
    'PAYMENT_GATEWAY_URL',
    'Payment gateway to call; local is one on a free port that takes no money, as unset; in production unset is none.',
    httpUrlOr('local'),
  ),
  paymentGatewayKey: setting(
    'PAYMENT_GATEWAY_KEY',
    'Key with which the payment gateway is called, as a bearer token.',
    text,
    { secret: true },
  ),
  paymentTimeoutMs: count(
    'PAYMENT_TIMEOUT_MS',
    5000,
    'Time in which the payment gateway must answer one attempt of a call, in milliseconds.',
    1,
    60_000,
  ),
};
