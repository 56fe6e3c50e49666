import { afterEach } from 'vitest';
import { type PaymentGateway, paymentGateway } from '../../../src/domains/fulfilment/index.ts';
import { bindPort, type PortBinding } from '../../../src/kernel/define/process-manager/port.ts';
import { HttpPaymentGateway } from '../../../src/shop/payments/http-gateway.ts';
import { type LocalGateway, startLocalGateway } from '../../../src/shop/payments/local-gateway/server.ts';

/** How long an attempt may take in tests, in ms: longer than tok_slow takes, shorter than tok_late. */
export const TIMEOUT_MS = 400;

export interface TestGateway extends LocalGateway {
  readonly client: PaymentGateway;
  /** Configured for an engine. */
  readonly adapters: readonly PortBinding[];
}

/** Starts local gateways on a test's database, as many as it wants, and ends them after it. */
export function useGateway(database: { readonly url: string }) {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  return async ({ timeoutMs = TIMEOUT_MS }: { timeoutMs?: number } = {}): Promise<TestGateway> => {
    const gateway = await startLocalGateway({ databaseUrl: database.url, slowMs: 50, lateMs: 5000 });
    closers.push(() => gateway.close());
    const client = new HttpPaymentGateway({ url: gateway.url, timeoutMs, backoffMs: 20 });
    // Its tables are there from the first question on: tests look into them.
    await client.lookup({ reference: 'nothing' });
    return { ...gateway, client, adapters: [bindPort(paymentGateway, client)] };
  };
}
