import { describe, expect, it } from 'vitest';
import { domains } from '../../../src/domains/index.ts';
import { registerDomains } from '../../../src/kernel/define/domain.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { accepted, openShop, placeOrder, registerCustomer } from '../../support/client/shop.ts';
import { useTransports } from '../../support/client/transports.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';

const NAME = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) {
  customer(id: $id) { name }
}`;
const ORDER_UPDATED = `subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { version } }`;

describe.skipIf(lacks('pg_basebackup'))('of several servers, one that reads from a replica', () => {
  const database = useReplicatedDatabase();
  // It comes first and moves the projections; it knows nothing of a replica.
  const other = useApp({ database });
  const app = useApp({ database, env: () => ({ READ_DATABASE_URL: database.readUrl }) });
  const open = useTransports(app);

  it('honours the tokens of the others, and the others its own', async () => {
    for (const [writer, reader] of [
      [other, app],
      [app, other],
    ] as const) {
      for (let n = 0; n < 10; n++) {
        const { aggregateId: id, token } = await registerCustomer(writer, { name: `Ada ${n}` });
        expect((await reader.query(NAME, { id, token })).data).toEqual({ customer: { name: `Ada ${n}` } });
      }
    }
  });

  it('feeds its subscriptions with writes on the other servers', async () => {
    const { aggregateId: id, token } = await placeOrder(other, await openShop(other));
    const feed = open('WebSocket').subscribe<{ orderUpdated: { version: number } }>(ORDER_UPDATED, {
      id,
      after: token,
    });
    expect((await feed.data()).orderUpdated.version).toBe(1);
    await accepted(other, 'confirmOrder', { orderId: id });
    await accepted(other, 'shipOrder', { orderId: id, carrier: 'DHL', trackingNumber: '1' });
    await feed.dataWhere(({ orderUpdated }) => orderUpdated.version === 3);
  });

  it('still honours tokens and feeds subscriptions while a read model is rebuilt and swapped', async () => {
    const { aggregateId: id, token: opened } = await registerCustomer(other);
    const feed = open('WebSocket').subscribe<{ projectionUpdated: { keys: string[] | null } }>(
      'subscription ($after: ConsistencyToken) { projectionUpdated(projections: ["customers"], after: $after) { keys } }',
      { after: opened },
    );
    await feed.data();
    const { customers } = Object.fromEntries(registerDomains(domains).projections);
    const swaps = async () =>
      (await database.sql`select generation from read.checkpoints where projection = 'customers@2'`)[0]?.generation;
    const before = await swaps();
    for (let rebuild = 1; rebuild <= 3; rebuild++) {
      await other.engine.projector.rebuilds.begin(customers as Projection);
      for (let n = 0; (await swaps()) < before + rebuild || n < 3; n++) {
        const name = `Ada ${rebuild} ${n}`;
        const { token } = await accepted(other, 'renameCustomer', { customerId: id, name });
        const { data, text } = await app.query(NAME, { id, token });
        expect(data, text).toEqual({ customer: { name } });
      }
    }
    // Any row may be another one after a swap.
    await feed.dataWhere(({ projectionUpdated }) => projectionUpdated.keys === null);
    expect(feed.messages.filter(({ errors }) => errors)).toEqual([]);
  });
});
