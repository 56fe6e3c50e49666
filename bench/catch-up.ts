import { setTimeout as delay } from 'node:timers/promises';
import type { BenchPostgres } from './support/postgres.ts';
import type { Measurement, Result } from './support/result.ts';
import { openShop, type Shop } from './support/shop.ts';
import { median, percentile } from './support/statistics.ts';

const RATE = 200;
const GOAL_MS = 10;
const CUSTOMERS = 20;

const receipt = '{ ... on CommandReceipt { aggregateId token } ... on Error { code message } }';
const REGISTER_CUSTOMER = `mutation ($input: RegisterCustomerInput!) { registerCustomer(input: $input) ${receipt} }`;
const REGISTER_PRODUCT = `mutation ($input: RegisterProductInput!) { registerProduct(input: $input) ${receipt} }`;
const PLACE_ORDER = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) ${receipt} }`;

interface Sample {
  /** From sending the command to its receipt. */
  readonly command: number;
  /** From the receipt to the message that every read model has the command. */
  readonly caughtUp: number;
}

/** How soon after its receipt a client is told that it can read what it wrote. */
export async function catchUp(
  server: BenchPostgres,
  options: { readonly rounds: number; readonly seconds: number; readonly say: (line: string) => void },
): Promise<Result> {
  const { rounds, say } = options;
  const seconds = options.seconds * 2;
  const shop = await openShop(await server.createDatabase('catch_up'));
  const found: Sample[][] = [];
  try {
    const placeOrder = await stockTheShop(shop);
    for (let round = 0; round <= rounds; round++) {
      const samples = await steadily(RATE, seconds, async (): Promise<Sample> => {
        const sent = performance.now();
        const { token } = await placeOrder();
        const answered = performance.now();
        await shop.caughtUp(token);
        return { command: answered - sent, caughtUp: performance.now() - answered };
      });
      const p50 = percentile(
        samples.map(({ caughtUp }) => caughtUp),
        50,
      ).toFixed(2);
      say(`  ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: p50 ${p50} ms`);
      if (round > 0) found.push(samples);
    }
  } finally {
    await shop.close();
  }
  const measure = (name: string, of: keyof Sample, p: number): Measurement => {
    const values = found.map((samples) =>
      percentile(
        samples.map((sample) => sample[of]),
        p,
      ),
    );
    return { name: `${name}, p${p}`, unit: 'ms', rounds: values };
  };
  const percentiles = [50, 95, 99];
  const caughtUp = percentiles.map((p) => measure('receipt to caughtUp', 'caughtUp', p));
  const value = median(caughtUp[0]?.rounds ?? []);
  return {
    benchmark: 'catch-up',
    setting:
      `Catching up: ${RATE} placeOrder a second over HTTP, sent at a steady pace whatever the answers take, and for each a ` +
      `caughtUp subscription for all read models over one WebSocket; ${rounds} rounds of ${seconds} s.`,
    measurements: [...caughtUp, ...percentiles.map((p) => measure('command to receipt', 'command', p))],
    ratios: [],
    goals: [{ text: `receipt to caughtUp p50 under ${GOAL_MS} ms`, value, met: value < GOAL_MS }],
  };
}

/** Registers what orders need; the function that it returns places one. */
async function stockTheShop(shop: Shop): Promise<() => ReturnType<Shop['command']>> {
  const ids = async (document: string, input: (n: number) => Record<string, unknown>) =>
    Promise.all(
      Array.from(
        { length: CUSTOMERS },
        async (_, n) => (await shop.command(document, { input: input(n) })).aggregateId,
      ),
    );
  const customers = await ids(REGISTER_CUSTOMER, (n) => ({ name: `Customer ${n}`, email: `c${n}@example.com` }));
  const price = { amount: 1999, currency: 'GBP' };
  const products = await ids(REGISTER_PRODUCT, (n) => ({ sku: `SKU-${n}`, name: `Product ${n}`, price }));
  const shippingAddress = { line1: '1 High Street', city: 'London', postalCode: 'N1 1AA', country: 'GB' };
  let next = 0;
  return () => {
    const n = next++;
    const items = [0, 1, 2].map((nth) => ({ productId: products[(n + nth) % CUSTOMERS], quantity: nth + 1 }));
    return shop.command(PLACE_ORDER, { input: { customerId: customers[n % CUSTOMERS], items, shippingAddress } });
  };
}

/** Begins `perSecond` calls a second at a steady pace, whether or not those before are done. */
async function steadily<T>(perSecond: number, seconds: number, call: () => Promise<T>): Promise<T[]> {
  const calls: Promise<T>[] = [];
  const began = performance.now();
  for (let nth = 0; nth < perSecond * seconds; nth++) {
    const early = began + (nth * 1000) / perSecond - performance.now();
    if (early > 0) await delay(early);
    calls.push(call());
  }
  return Promise.all(calls);
}
