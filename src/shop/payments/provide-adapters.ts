import { paymentGateway } from '../../domains/fulfilment/index.ts';
import { type AdapterContext, bindPort, type ProvidedAdapters } from '../../index.ts';
import type { settings } from '../settings.ts';
import { HttpPaymentGateway } from './http-gateway.ts';
import { startLocalGateway } from './local-gateway/server.ts';

/**
 * Provides the payment gateway that the settings ask for: PAYMENT_GATEWAY_URL's, else a local one on a free port of this
 * machine. In production there is none unless the setting says so: real orders would look paid.
 */
export async function provideAdapters(context: AdapterContext<typeof settings>): Promise<ProvidedAdapters> {
  const { config, databaseUrl, log } = context;
  const { paymentGatewayUrl: named, paymentGatewayKey: apiKey, paymentTimeoutMs: timeoutMs } = config;
  const through = (url: string) => [bindPort(paymentGateway, new HttpPaymentGateway({ url, apiKey, timeoutMs }))];
  if (named && named !== 'local') return { adapters: through(named), release: async () => {} };
  if (!named && config.nodeEnv === 'production') {
    log.warn('no payments are made from here: PAYMENT_GATEWAY_URL is not set; local is a gateway that takes no money');
    return { adapters: [], release: async () => {} };
  }
  const local = await startLocalGateway({ databaseUrl });
  // With a database of its own the orders may be real.
  const level = config.databaseUrl === undefined ? 'info' : 'warn';
  log[level](`payments go to a local gateway at ${local.url}, which takes no money; PAYMENT_GATEWAY_URL names another`);
  return { adapters: through(local.url), release: () => local.close() };
}
