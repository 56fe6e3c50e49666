import { expect, it } from 'vitest';
import { caughtUp } from '../../../support/client/caught-up.ts';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { openShop, placeOrder, registerCustomer } from '../../../support/client/shop.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

/** Three reads may wait at a time, and thirty subscriptions. */
const app = useApp({ env: { MAX_WAITERS: '3' }, fulfils: false });
const open = useTransports(app);

it('subscribers who wait for a read model that is stuck do not keep reads from waiting', async () => {
  const shop = await openShop(app);
  const order = await placeOrder(app, shop);
  await caughtUp(app, order.token);
  const release = await stall(app.database, 'customers');
  const { token } = await registerCustomer(app);
  const { positions } = app.engine.projector;
  // One that waits for another read model too would take the room of the last one.
  await until(() =>
    positions.names.every((name) => name === 'customers' || positions.of(name) >= app.engine.tokens.decode(token)),
  );
  const transport = open('WebSocket');
  const subscribe = (subscription: string) => transport.subscribe(`subscription { ${subscription} }`);
  const feeds = [
    ...Array.from({ length: 10 }, () =>
      subscribe(`caughtUp(token: "${token}", projections: ["customers"]) { projection }`),
    ),
    ...Array.from({ length: 10 }, () =>
      subscribe(`projectionUpdated(after: "${token}", projections: ["customers"]) { projection }`),
    ),
    ...Array.from({ length: 10 }, () =>
      subscribe(`orderUpdated(id: "${order.aggregateId}", after: "${token}") { customer { name } }`),
    ),
  ];
  await until(() => positions.waiting === 30);

  const read = `query @readAfter(token: "${token}", timeoutMs: 20) { customer(id: "${shop.customerId}") { name } }`;
  expectRequestError(await app.query(read), 'CONSISTENCY_TIMEOUT');
  const oneMore = subscribe(`caughtUp(token: "${token}", projections: ["customers"]) { projection }`);
  expect((await oneMore.next()).errors).toMatchObject([{ extensions: { code: 'THROTTLED', retryAfterMs: 500 } }]);

  await release();
  for (const feed of feeds) await feed.data();
  expect(positions.waiting).toBe(0);
});

it('a query that its variables refuse does not wait for a read model that is stuck', async () => {
  const { customerId } = await openShop(app);
  const release = await stall(app.database, 'customers');
  const { token } = await registerCustomer(app);
  const read = `query ($id: ID!, $first: Int!) @readAfter(token: "${token}", timeoutMs: 10000) {
    customer(id: $id) { orders(first: $first) { edges { cursor } } }
  }`;
  expectRequestError(await app.query(read, { id: customerId, first: 'many' }), 'BAD_USER_INPUT');
  expect(app.engine.projector.positions.waiting).toBe(0);
  await release();
});
