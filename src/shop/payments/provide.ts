import type { Logger } from 'pino';
import type { Config } from '../../config.ts';
import { paymentGateway } from '../../domains/fulfilment/index.ts';
import { type ProvidedPlugs, plug } from '../../kernel/define/effect.ts';
import { HttpPaymentGateway } from './http-gateway.ts';
import { startLocalGateway } from './local-gateway/server.ts';

/**
 * The payment gateway of the settings: that of PAYMENT_GATEWAY_URL, otherwise a local one on a free port of this
 * machine. In production the local one must be chosen explicitly: real orders would look paid.
 * @param databaseUrl for the data of a local one.
 * @param log is told about a local one; as a warning if the database is not the embedded one, because orders may then
 * be real.
 */
export async function providePayments(
  config: Pick<Config, 'databaseUrl' | 'nodeEnv' | 'paymentGatewayUrl' | 'paymentGatewayKey' | 'paymentTimeoutMs'>,
  databaseUrl: string,
  log: Pick<Logger, 'info' | 'warn'>,
): Promise<ProvidedPlugs> {
  const { paymentGatewayUrl: named, paymentGatewayKey: apiKey, paymentTimeoutMs: timeoutMs } = config;
  const through = (url: string) => [plug(paymentGateway, new HttpPaymentGateway({ url, apiKey, timeoutMs }))];
  if (named && named !== 'local') return { plugs: through(named), release: async () => {} };
  if (!named && config.nodeEnv === 'production') {
    log.warn('no payments are made from here: PAYMENT_GATEWAY_URL is not set; local is a gateway that takes no money');
    return { plugs: [], release: async () => {} };
  }
  const local = await startLocalGateway({ databaseUrl });
  const level = config.databaseUrl === undefined ? 'info' : 'warn';
  log[level](`payments go to a local gateway at ${local.url}, which takes no money; PAYMENT_GATEWAY_URL names another`);
  return { plugs: through(local.url), release: () => local.close() };
}
