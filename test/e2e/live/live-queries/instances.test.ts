import { describe, expect, it } from 'vitest';
import type { Feed } from '../../../../src/testing/clients/feed.ts';
import { caughtUp } from '../../../support/client/caught-up.ts';
import { accepted, openShop, placeOrder, registerCustomer } from '../../../support/client/shop.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { useApp } from '../../../support/server/app.ts';
import { executionsOf } from './support.ts';

const LISTS = 60;
/** Orders that are placed and confirmed beside the lists. */
const CHANGES = 10;

// Nobody carries orders on, so that only the tests change them.
const database = useDatabase({ per: 'file' });
const first = useApp({ database, fulfils: false });
const second = useApp({ database, fulfils: false });
const onFirst = useTransports(first);
const onSecond = useTransports(second);

const PLACED = `subscription ($id: ID!, $after: ConsistencyToken) {
  live(after: $after) { orders(first: 5, filter: { customerId: $id, status: [PLACED] }) { nodes { id } totalCount } }
}`;
interface Listed {
  readonly live: { readonly orders: { readonly nodes: readonly object[]; readonly totalCount: number } };
}

/** Subscribes to the placed orders of different customers on one server, and waits for the first messages. */
async function watchAll(open: typeof onFirst, customerIds: readonly string[], after: string): Promise<Feed<Listed>[]> {
  const transport = open('WebSocket');
  const feeds = customerIds.map((id) => transport.subscribe<Listed>(PLACED, { id, after }));
  for (const feed of feeds) expect((await feed.data()).live.orders).toEqual({ nodes: [], totalCount: 0 });
  return feeds;
}

/** Counts the changes of orders from now on that a server is told of without the rows that changed. */
function unnamedChanges({ engine }: typeof first): () => number {
  let count = 0;
  engine.readSide.hub.follow('orders', ({ keys }) => {
    if (keys === null) count++;
  });
  return () => count;
}

// One of the servers runs the read model, the other one is told what changes.
describe('lists with their numbers, watched on two servers', () => {
  it('cost no execution for changes that concern none of them, and one for a change that concerns one', async () => {
    const shop = await openShop(first);
    const customerIds: string[] = [];
    let token = '';
    for (let count = 0; count < LISTS; count++) {
      const customer = await registerCustomer(first);
      customerIds.push(customer.aggregateId);
      token = customer.token;
    }
    const all = [await watchAll(onFirst, customerIds, token), await watchAll(onSecond, customerIds, token)];
    const unnamed = [unnamedChanges(first), unnamedChanges(second)];
    const before = [await executionsOf(first), await executionsOf(second)];
    /** Each list was executed for changes of it, and all of them only for changes of which no notification came in time. */
    const wereExecuted = async (times: number) => {
      for (const [nth, server] of [first, second].entries()) {
        const executed = (await executionsOf(server)) - (before[nth] as number);
        expect(executed).toBeGreaterThanOrEqual(times);
        expect(executed).toBeLessThanOrEqual(times + LISTS * (unnamed[nth]?.() ?? 0));
      }
    };
    for (let count = 0; count < CHANGES; count++) {
      const { aggregateId: orderId } = await placeOrder(first, shop);
      // Somebody waits for it, so that the second server does not only wait for notifications.
      await caughtUp(second, (await accepted(second, 'confirmOrder', { orderId })).token);
    }
    for (const count of unnamed) expect(count()).toBeLessThan(CHANGES);
    // It comes after all that could have been executed for the others.
    const { aggregateId: orderId } = await placeOrder(first, { ...shop, customerId: customerIds[0] as string });
    const placed = { nodes: [{ id: orderId }], totalCount: 1 };
    for (const [feed] of all) expect((await feed?.data())?.live.orders).toEqual(placed);
    await wereExecuted(1);
    // It leaves the list: what it was before decides.
    await accepted(first, 'confirmOrder', { orderId });
    for (const [feed] of all) expect((await feed?.data())?.live.orders).toEqual({ nodes: [], totalCount: 0 });
    await wereExecuted(2);
  });
});
