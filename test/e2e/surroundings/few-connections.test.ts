import { beforeEach, describe, expect, it } from 'vitest';
import { fulfilmentIn, orderIn } from '../../support/client/fulfilment.ts';
import { accepted, openShop, placeOrder } from '../../support/client/shop.ts';
import { useTransports } from '../../support/client/transports.ts';
import { onServer, useDatabase } from '../../support/postgres/database.ts';
import { useApp } from '../../support/server/app.ts';
import { ServerProcess } from '../process/server-process.ts';

const CUSTOMERS = 15;
/** One actor causes all of the load, so they would be throttled first on a slow machine. */
const NOT_FAIR = { FAIR_LAG_MS: '30000', THROTTLE_LAG_MS: '60000' };
const database = useDatabase();
const limitTo = (limit: number) =>
  onServer((sql) => sql.unsafe(`alter database ${new URL(database.url).pathname.slice(1)} connection limit ${limit}`));

describe('a server on a database that allows 14 connections', () => {
  beforeEach(() => limitTo(14));
  const app = useApp({
    per: 'test',
    database,
    env: { WRITER_CONNECTIONS: '4', READER_CONNECTIONS: '10', ...NOT_FAIR },
  });
  const open = useTransports(app);

  it('starves nothing under load of every kind: commands, reads, subscriptions, deadlines and payments', async () => {
    expect(app.log.some((line) => line.includes('The database allows 14 connections'))).toBe(true);
    const shop = await openShop(app);
    const ORDER = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) {
      order(id: $id) { version items { quantity } } orders(first: 20) { edges { node { id } } }
    }`;
    const FOLLOW = `subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { status } }`;
    const live = async (): Promise<void> => {
      const { aggregateId: id, token: after } = await placeOrder(app, shop);
      const feed = open('WebSocket').subscribe<{ orderUpdated: { status: string } }>(FOLLOW, { id, after });
      const note = await accepted(app, 'createNote', { title: 'A note', content: 'Of an order.' });
      const [read, again] = await Promise.all([
        app.query<{ order: { items: unknown[] } }>(ORDER, { id, token: after }),
        app.query<{ order: { items: unknown[] } }>(ORDER, { id, token: note.token }),
      ]);
      for (const { data, errors, text } of [read, again]) {
        expect(errors, text).toBeUndefined();
        expect(data.order.items).toHaveLength(1);
      }
      // The payment is asked for with a deadline, answered, and the order is confirmed.
      await feed.dataWhere(({ orderUpdated }) => orderUpdated.status === 'CONFIRMED');
      feed.stop();
      await accepted(app, 'shipOrder', { orderId: id, carrier: 'DHL', trackingNumber: 'T-1' });
      await orderIn(app, id, 'SHIPPED');
      await fulfilmentIn(app, id, 'COMPLETED');
    };
    await Promise.all(Array.from({ length: CUSTOMERS }, live));
    const [found] = await database.sql`
      select (select count(*)::int from es.events where type = 'DeadlineSet') as deadlines,
             (select count(*)::int from read.parked_items) as parked`;
    expect(found?.deadlines).toBeGreaterThanOrEqual(CUSTOMERS);
    expect(found?.parked).toBe(0);
    expect(app.log.filter((line) => line.includes('a request failed'))).toEqual([]);
  });
});

describe('a server on a database that allows 8 connections', () => {
  it('does not start, and says how many it needs', async () => {
    await limitTo(8);
    const server = new ServerProcess({ DATABASE_URL: database.url });
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.stderr).toContain(
      'The database allows 8 connections (connection limit of the database), and a server needs at least 11',
    );
  });
});
