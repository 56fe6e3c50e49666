import { defineSetting, settingValue } from '../index.ts';

/** Settings that only the shop has. */
export const settings = {
  paymentGatewayUrl: defineSetting(
    'PAYMENT_GATEWAY_URL',
    'Payment gateway to call; local is one on a free port that takes no money, as unset; in production unset is none.',
    settingValue.httpUrlOr('local'),
  ),
  paymentGatewayKey: defineSetting(
    'PAYMENT_GATEWAY_KEY',
    'Key with which the payment gateway is called, as a bearer token.',
    settingValue.text,
    { secret: true },
  ),
  paymentTimeoutMs: defineSetting(
    'PAYMENT_TIMEOUT_MS',
    'Time in which the payment gateway must answer one attempt of a call, in milliseconds.',
    settingValue.wholeNumber(1, 60_000),
    { default: '5000' },
  ),
};
