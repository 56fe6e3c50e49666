import { describe, expect, it } from 'vitest';
import { domains } from '../../../src/domains/index.ts';
import { registerDomains } from '../../../src/kernel/define/domain.ts';
import { accepted, openShop, placeOrder, type Shop } from '../../support/client/shop.ts';
import { think } from '../../support/client/thinking.ts';
import { useTransports, type Way } from '../../support/client/transports.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { testRandom } from '../../support/random.ts';
import { type TestApp, useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'file' });
// Its clients wait for nothing between what they write.
const env = { FAIR_LAG_MS: '0' };
const a = useApp({ database, env });
const b = useApp({ database, env });
const openA = useTransports(a);
const openB = useTransports(b);

const projections = registerDomains(domains).projections;
/** The read models that this test rebuilds. */
const READ = `query ($customerId: ID!, $productId: ID!, $orderId: ID!, $token: ConsistencyToken!)
  @readAfter(token: $token, timeoutMs: 10000) {
  customer(id: $customerId) { name version orders { edges { node { id } } } }
  product(id: $productId) { price { amount } }
  order(id: $orderId) { itemCount }
}`;
interface Read {
  readonly customer: { name: string; version: number; orders: { edges: readonly { node: { id: string } }[] } };
  readonly product: { price: { amount: number } };
  readonly order: { itemCount: number };
}

const random = testRandom();

/** Writes on one server and reads on another with the token, until it is told to stop; every read has to show what was written. */
async function client(servers: readonly TestApp[], shop: Shop, signal: AbortSignal): Promise<number> {
  const any = () => random.pick(servers);
  const { customerId, productId } = shop;
  let reads = 0;
  for (let n = 1; !signal.aborted; n++) {
    await accepted(any(), 'renameCustomer', { customerId, name: `Ada ${n}` });
    await think();
    await accepted(any(), 'changeProductPrice', { productId, price: { amount: 2000 + n, currency: 'GBP' } });
    await think();
    const { aggregateId: orderId, token } = await placeOrder(any(), shop);
    const { data, errors, text } = await any().query<Read>(READ, { customerId, productId, orderId, token });
    expect(errors, text).toBeUndefined();
    expect(data).toMatchObject({ customer: { name: `Ada ${n}` }, product: { price: { amount: 2000 + n } } });
    expect(data.order.itemCount).toBe(2);
    // The first page of the list, which has its newest order, is of the same read model.
    expect(data.customer.orders.edges.map(({ node }) => node.id)).toContain(orderId);
    reads++;
    await think();
  }
  return reads;
}

/** Subscriptions to an order and to all read models, and what each was told of how far they are. */
function watch(app: TestApp, open: ReturnType<typeof useTransports>, way: Way, id: string, after: string) {
  const transport = open(way);
  const versions = transport.subscribe<{ orderUpdated: { version: number; status: string } }>(
    'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { version status } }',
    { id, after },
  );
  const updates = transport.subscribe<{ projectionUpdated: { projection: string; token: string } }>(
    'subscription { projectionUpdated { projection token } }',
  );
  return {
    versions,
    /** All that came, in order. */
    seenVersions: () => versions.messages.map(({ data }) => data?.orderUpdated.version ?? 0),
    /** Read models that were told of as less far than before. */
    setbacks: () => {
      const last = new Map<string, number>();
      return updates.messages.filter(({ data }) => {
        if (!data) return true;
        const { projection, token } = data.projectionUpdated;
        const position = app.engine.tokens.decode(token);
        const isBack = position < (last.get(projection) ?? 0);
        last.set(projection, position);
        return isBack;
      });
    },
    failed: () => [...versions.messages, ...updates.messages].filter(({ errors }) => errors),
    ends: () => [versions.ending, updates.ending].filter((ending) => ending !== undefined),
  };
}

/** Those of read models; processes and effects have some too. */
const checkpoints = () =>
  database.sql<{ projection: string; version: number; generation: number }[]>`
    select projection, version, generation from read.checkpoints where projection = any(${[...projections.values()].map(({ checkpoint }) => checkpoint.key)})`;

/** Lets clients write, read and listen on both servers while something happens; nobody notices. */
async function unnoticed(what: () => Promise<unknown>): Promise<void> {
  const { aggregateId: id, token } = await placeOrder(a, await openShop(a));
  const watched = [watch(a, openA, 'WebSocket', id, token), watch(b, openB, 'SSE by POST', id, token)];
  for (const { versions } of watched) await versions.dataWhere(() => true);
  const stop = new AbortController();
  const shops = await Promise.all([a, b, a].map((app) => openShop(app)));
  const clients = Promise.all(shops.map((shop) => client([a, b], shop, stop.signal)));
  await Promise.race([clients, what()]);
  stop.abort();
  for (const reads of await clients) expect(reads).toBeGreaterThan(0);
  await accepted(b, 'cancelOrder', { orderId: id, reason: 'enough' });
  for (const { versions, seenVersions, setbacks, failed, ends } of watched) {
    await versions.dataWhere(({ orderUpdated }) => orderUpdated.status === 'CANCELLED');
    expect(seenVersions()).toEqual(seenVersions().toSorted((x, y) => x - y));
    expect([setbacks(), failed(), ends()]).toEqual([[], [], []]);
  }
}

describe('over HTTP, WebSocket and SSE on two servers', () => {
  it('a rebuild of every read model does not affect clients that write, read with tokens and listen', async () => {
    await unnoticed(async () => {
      const before = new Map((await checkpoints()).map((row) => [row.projection, row.generation]));
      for (const projection of projections.values()) {
        await a.engine.projector.rebuilds.begin(projection);
      }
      await until(
        async () => {
          const now = await checkpoints();
          return now.every(({ projection, generation }) => generation > (before.get(projection) ?? Infinity));
        },
        { deadline: 60_000 },
      );
    });
  });
});
