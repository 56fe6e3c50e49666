import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FeedMessage } from '../../../../src/testing/clients/feed.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { eventFeed } from '../../../support/client/transports.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({
  fulfils: false,
  env: {
    ...WITH_AUTH,
    TRUSTED_PROXIES: 'loopback',
    ACTOR_SUBSCRIPTION_BYTES: '65536',
    TOTAL_SUBSCRIPTION_BYTES: '10000000',
    MAX_WAITERS_PER_CALLER: '1',
  },
});
const THROTTLED = [{ extensions: { code: 'THROTTLED' } }];

/** Subscribes without an access token, through a proxy, and tells the first message if it is an error. */
function subscribeFrom(address: string, query: string, variables: object = {}) {
  const feed = eventFeed(app.url, 'POST', { query, variables }, { 'x-forwarded-for': address });
  onTestFinished(() => feed.stop());
  const refused = feed.next().then(({ errors }: FeedMessage<unknown>) => errors);
  refused.catch(() => undefined);
  return { feed, refused };
}
const subscribers = async () => {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return Number(/^afterwrite_subscribers (\d+)$/m.exec(text)?.[1]);
};

describe('callers who are not signed in', () => {
  it('have room for subscriptions by their address', async () => {
    const updates = 'subscription { projectionUpdated(projections: ["products"]) { keys } }';
    const many = Array.from({ length: 10 }, () => subscribeFrom('192.0.2.1', updates));
    expect(await Promise.race(many.map(({ refused }) => refused))).toMatchObject(THROTTLED);
    const before = await subscribers();
    const other = subscribeFrom('192.0.2.2', updates);
    await until(async () => (await subscribers()) > before);
    expect(other.feed.messages).toEqual([]);
  });

  it('wait for read models by their address', async () => {
    await stall(app.database, 'customers');
    const { token } = await registerCustomer(app, {}, { token: await staffToken() });
    const caughtUp =
      'subscription ($token: ConsistencyToken!) { caughtUp(token: $token, projections: ["customers"]) { token } }';
    const waiting = () => app.engine.projector.positions.waiting;
    // Memory of subscriptions is not what they run out of: each address has room for five.
    const first = Array.from({ length: 3 }, () => subscribeFrom('192.0.2.3', caughtUp, { token }));
    await until(() => waiting() === 3);
    const reads = Array.from({ length: 2 }, () => read('192.0.2.3', token));
    expect(await Promise.race(reads)).toMatchObject(THROTTLED);
    expect(await read('192.0.2.4', token)).toMatchObject([{ extensions: { code: 'CONSISTENCY_TIMEOUT' } }]);
    expect(first.flatMap(({ feed }) => feed.messages)).toEqual([]);
  });
});

/** Reads without an access token, and tells the errors. */
async function read(address: string, token: string) {
  const query = `{ customer(id: "${randomUUID()}") { id } }`;
  const headers = { 'x-forwarded-for': address, 'read-after': token };
  const response = await fetch(`${app.url}/graphql?query=${encodeURIComponent(query)}`, { headers });
  return ((await response.json()) as { errors?: unknown }).errors;
}
