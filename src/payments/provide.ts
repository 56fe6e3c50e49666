import type { Config } from '../config.ts';
import { paymentGateway } from '../domains/fulfilment/index.ts';
import { type ProvidedPlugs, plug } from '../kernel/define/effect.ts';
import { HttpPaymentGateway } from './http-gateway.ts';
import { startLocalGateway } from './local-gateway/server.ts';

/**
 * The payment gateway that the settings ask for: PAYMENT_GATEWAY_URL's, else a local one on a free port of this machine.
 * @param databaseUrl where a local one keeps what it has done.
 * @param onNotice is told which, in a line.
 */
export async function providePayments(
  config: Pick<Config, 'paymentGatewayUrl' | 'paymentGatewayKey' | 'paymentTimeoutMs'>,
  databaseUrl: string,
  onNotice: (line: string) => void,
): Promise<ProvidedPlugs> {
  const { paymentGatewayKey: apiKey, paymentTimeoutMs: timeoutMs } = config;
  const through = (url: string) => [plug(paymentGateway, new HttpPaymentGateway({ url, apiKey, timeoutMs }))];
  if (config.paymentGatewayUrl) return { plugs: through(config.paymentGatewayUrl), release: async () => {} };
  const local = await startLocalGateway({ databaseUrl });
  onNotice(`payments go to a local gateway at ${local.url}, which takes no money; PAYMENT_GATEWAY_URL names another`);
  return { plugs: through(local.url), release: () => local.close() };
}
