import { createClient } from 'graphql-ws';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { disposeOf, subscribeWith } from '../../../src/testing/clients/sockets.ts';
import { accepted, openShop, placeOrder } from '../../support/client/shop.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { freePort, ServerProcess } from './server-process.ts';

// Processes start slowly where many tests share the machine.
vi.setConfig({ testTimeout: 240_000 });

const database = useDatabase();

interface Updated {
  readonly orderUpdated: { readonly status: string; readonly version: number };
}
const ORDER_UPDATED = `subscription ($id: ID!, $after: ConsistencyToken) {
  orderUpdated(id: $id, after: $after) { status version }
}`;

describe('a client of graphql-ws that connects again by itself', () => {
  it.each(['SIGINT', 'SIGKILL'] as const)('sees what it missed while its server was away (%s)', async (signal) => {
    const port = await freePort();
    const start = (env: NodeJS.ProcessEnv) => new ServerProcess({ DATABASE_URL: database.url, ...env }).started();
    const first = await start({ PORT: String(port) });
    const shop = await openShop(first);
    const { aggregateId: id, token: after } = await placeOrder(first, shop, { paymentMethod: 'tok_timeout' });
    const client = createClient({
      url: `ws://127.0.0.1:${port}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 1000,
      retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
      shouldRetry: () => true,
    });
    onTestFinished(() => disposeOf(client));
    const feed = subscribeWith<Updated>(client, ORDER_UPDATED, { id, after });
    expect((await feed.data()).orderUpdated).toEqual({ status: 'PLACED', version: 1 });

    first.kill(signal);
    await first.exited;
    const meanwhile = await start({});
    await accepted(meanwhile, 'addOrderItem', { orderId: id, productId: shop.productId, quantity: 1 });
    await accepted(meanwhile, 'confirmOrder', { orderId: id });
    meanwhile.kill('SIGINT');
    await meanwhile.exited;
    const second = await start({ PORT: String(port) });
    expect((await feed.dataWhere(({ orderUpdated }) => orderUpdated.version > 1)).orderUpdated).toEqual({
      status: 'CONFIRMED',
      version: 3,
    });
    await accepted(second, 'shipOrder', { orderId: id, carrier: 'Royal Mail', trackingNumber: '1' });
    expect((await feed.data()).orderUpdated).toEqual({ status: 'SHIPPED', version: 4 });
  });
});
