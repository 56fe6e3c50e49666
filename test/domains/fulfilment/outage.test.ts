import { expect, it, onTestFinished, vi } from 'vitest';
import { PAYMENT_PATIENCE_MS } from '../../../src/domains/fulfilment/next-steps.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useGateway } from '../../support/server/gateway.ts';
import { until } from '../../support/until.ts';
import { EngineShop, shopDomains } from './shop.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, shopDomains);
const openGateway = useGateway(database);
const shop = new EngineShop(database);

/**
 * The clock cannot be turned forward: deadlines are put back, in what the fulfilments remember and in the read model.
 * @param ms from now, by Postgres' clock. @param orderId only those of one fulfilment.
 */
async function putDeadlines(ms: number, orderId: string | null = null): Promise<void> {
  const [row] =
    await database.sql`select to_char((now() + ${ms} * interval '1 ms') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`;
  await database.sql`alter table es.events disable trigger events_append_only, disable trigger events_rewritten`;
  await database.sql`update es.events set data = jsonb_set(data, '{at}', to_jsonb(${row?.at}::text))
                     where type = 'DeadlineSet' and (${orderId}::uuid is null or stream_id = ${orderId}::uuid)`;
  await database.sql`alter table es.events enable always trigger events_append_only, enable always trigger events_rewritten`;
  await database.sql`update read.deadlines_v1 set at = ${row?.at} where ${orderId}::uuid is null or id = ${orderId}::uuid`;
}

const deadlines = async () => (await database.sql`select name, at from read.deadlines_v1`).map(({ name }) => name);

/** Places orders for whose payment nobody can be asked, and ends the server when their deadlines are set. */
async function placeUnasked(count: number, method: string): Promise<string[]> {
  const engine = await openEngine({ start: true });
  await shop.open(engine);
  const productId = await shop.product(engine, count);
  const placed = await Promise.all(Array.from({ length: count }, () => shop.place(engine, { [productId]: 1 }, method)));
  await until(async () => (await deadlines()).length === count);
  await shop.answered('process:Fulfilment');
  await engine.close();
  return placed;
}

const OUTAGE_MS = -600_000;

it('an outage longer than a payment may take costs no order: the gateway has its time after it', async () => {
  const { adapters } = await openGateway();
  await placeUnasked(10, 'tok_ok');
  await putDeadlines(OUTAGE_MS);
  await openEngine({ start: true, adapters });
  await until(async () => {
    const { CONFIRMED = 0, FAILED = 0 } = await shop.resting();
    return CONFIRMED + FAILED === 10;
  });
  expect(await shop.resting()).toEqual({ CONFIRMED: 10 });
  expect(await shop.payments()).toEqual({ authorized: 10 });
});

it('a gateway that stays silent has its time after each outage, and then the order is cancelled', async () => {
  const { adapters } = await openGateway();
  const [orderId] = (await placeUnasked(1, 'tok_timeout')) as [string];
  const reached = async () =>
    (await shop.typesOf('Fulfilment', orderId)).filter((type) => type === 'DeadlineReached').length;
  for (const outages of [1, 2]) {
    await putDeadlines(OUTAGE_MS);
    const engine = await openEngine({ start: true, adapters });
    await until(async () => (await reached()) === outages && (await deadlines()).length === 1);
    await shop.answered('process:Fulfilment');
    await engine.close();
    expect(await deadlines()).toEqual(['lastPayment']);
  }
  expect((await shop.typesOf('Order', orderId)).at(-1)).toBe('OrderPlaced');
  await putDeadlines(300);
  await openEngine({ start: true, adapters });
  await until(async () => (await shop.typesOf('Order', orderId)).includes('OrderCancelled'));
  await until(async () => (await shop.resting()).FAILED === 1);
  expect(await shop.moneyOf(orderId)).toEqual([]);
});

it('a server whose clock is ahead by more than a payment may take cancels no order before its time', async () => {
  const realNow = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + PAYMENT_PATIENCE_MS + 1000);
  onTestFinished(() => void vi.restoreAllMocks());
  const [due, waiting] = (await placeUnasked(2, 'tok_ok')) as [string, string];
  await putDeadlines(300, due);
  await openEngine({ start: true });
  await until(async () => (await shop.typesOf('Fulfilment', due)).includes('DeadlineReached'));
  expect(await shop.typesOf('Fulfilment', waiting)).not.toContain('DeadlineReached');
  expect((await shop.typesOf('Order', waiting)).at(-1)).toBe('OrderPlaced');
});
