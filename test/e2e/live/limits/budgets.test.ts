import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { customerToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { eventFeed, useTransports, ways } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({
  fulfils: false,
  env: {
    ...WITH_AUTH,
    SUBSCRIPTION_MAX_KEYS: '50',
    SUBSCRIPTION_MAX_BYTES: '65536',
    CONNECTION_SUBSCRIPTION_BYTES: '131072',
    ACTOR_SUBSCRIPTION_BYTES: '262144',
  },
});
/** The memory of subscriptions, as the metrics show it. */
async function held(): Promise<number> {
  const response = await fetch(`${app.url}/metrics`);
  return Number(/^afterwrite_subscription_bytes (\S+)$/m.exec(await response.text())?.[1]);
}
const nothingIsHeld = () => until(async () => (await held()) === 0);
// Registered first, it runs last: when all connections are closed.
afterEach(nothingIsHeld);
const open = useTransports(app);

const PRODUCTS = 'subscription ($keys: [ID!]) { projectionUpdated(projections: ["products"], keys: $keys) { keys } }';
const ids = (count: number) => Array.from({ length: count }, () => randomUUID());

describe.each(ways)('a subscription with too many keys (%s)', (way) => {
  it('is refused, says how many there may be, and holds nothing', async () => {
    const { errors } = await open(way)
      .subscribe(PRODUCTS, { keys: ids(51) })
      .next();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0]?.message).toContain('at most 50 keys');
    await nothingIsHeld();
  });
});

describe('subscriptions with large keys', () => {
  it('are refused beyond the budget of a subscription', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `${n}`.padEnd(1000, 'x'));
    const { errors } = await open('WebSocket').subscribe(PRODUCTS, { keys }).next();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0]?.message).toContain('at most 65536 bytes');
  });

  it('are refused beyond the budget of their connection, and taken again when others have ended', async () => {
    const transport = open('WebSocket');
    const first = Array.from({ length: 2 }, () => transport.subscribe(PRODUCTS, { keys: ids(50) }));
    const before = await until(async () => {
      const bytes = await held();
      return bytes > 80_000 && bytes;
    });
    const refused = await transport.subscribe(PRODUCTS, { keys: ids(50) }).next();
    expect(refused.errors).toMatchObject([{ extensions: { code: 'THROTTLED', retryAfterMs: 5000 } }]);
    expect(await held()).toBe(before);
    for (const feed of first) feed.stop();
    await nothingIsHeld();
    transport.subscribe(PRODUCTS, { keys: ids(50) });
    await until(async () => (await held()) > 0);
  });

  it('are refused beyond the budget of their caller, however many connections they come by', async () => {
    const token = await customerToken(randomUUID());
    const feeds = Array.from({ length: 10 }, () => open('WebSocket', { token }).subscribe(PRODUCTS, { keys: ids(50) }));
    const refused = await Promise.race(feeds.map((feed) => feed.next()));
    expect(refused.errors).toMatchObject([{ extensions: { code: 'THROTTLED' } }]);
    expect(await held()).toBeLessThanOrEqual(262_144);
    const other = await customerToken(randomUUID());
    const before = await held();
    open('WebSocket', { token: other }).subscribe(PRODUCTS, { keys: ids(50) });
    await until(async () => (await held()) > before);
  });
});

describe('what an event stream holds', () => {
  it.each(['POST', 'GET'] as const)('is given back when its client is cut off (%s)', async (method) => {
    const feeds = Array.from({ length: 5 }, () =>
      eventFeed(app.url, method, { query: PRODUCTS, variables: { keys: ids(10) } }),
    );
    await until(async () => (await held()) > 50_000);
    for (const feed of feeds) feed.stop();
    await nothingIsHeld();
  });
});
