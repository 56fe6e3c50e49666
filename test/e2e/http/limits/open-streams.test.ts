import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { socketClient, subscribeWith } from '../../../../src/testing/clients/sockets.ts';
import { customerToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const UPDATES = 'subscription { projectionUpdated { projection } }';
const PROXIED = { TRUSTED_PROXIES: 'loopback' };
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
const subscribersOf = async ({ url }: { readonly url: string }) =>
  Number(/^afterwrite_subscribers (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]);

describe('subscriptions', () => {
  const env = {
    ...WITH_AUTH,
    SUBSCRIPTIONS_PER_ACTOR: '3',
    SUBSCRIPTIONS_PER_ADDRESS: '4',
    EVENT_STREAMS_PER_ADDRESS: '2',
  };
  const app = useApp({ env, fulfils: false });
  const open = useTransports(app);
  const hub = () => subscribersOf(app);
  const THROTTLED = [{ extensions: { code: 'THROTTLED', retryAfterMs: 1000 } }];

  it('are bounded for an actor and an address over all connections, and given back when they end', async () => {
    const ada = await customerToken('ada');
    const feeds = [
      open('WebSocket', { token: ada }),
      open('WebSocket', { token: ada }),
      open('SSE by POST', { token: ada }),
    ].map((transport) => transport.subscribe(UPDATES));
    await until(async () => (await hub()) === 3);
    expect((await open('WebSocket', { token: ada }).subscribe(UPDATES).next()).errors).toMatchObject(THROTTLED);
    open('SSE by GET').subscribe(UPDATES);
    await until(async () => (await hub()) === 4);
    // Four are all that an address may have.
    expect((await open('WebSocket').subscribe(UPDATES).next()).errors).toMatchObject(THROTTLED);
    for (const feed of feeds) feed.stop();
    await until(async () => (await hub()) === 1);
    for (let again = 0; again < 10; again++) {
      const transport = open(again % 2 === 0 ? 'WebSocket' : 'SSE by POST', { token: ada });
      const feed = transport.subscribe(UPDATES);
      await until(async () => (await hub()) === 2);
      transport.close();
      await until(async () => (await hub()) === 1);
      feed.stop();
    }
  });

  it('over HTTP are bounded for an address as event streams, and answered with the status of a limit', async () => {
    await until(async () => (await hub()) === 0);
    open('SSE by POST').subscribe(UPDATES);
    open('SSE by POST').subscribe(UPDATES);
    await until(async () => (await hub()) === 2);
    const response = await fetch(`${app.url}/graphql?query=${encodeURIComponent(UPDATES)}`, {
      headers: { accept: 'text/event-stream' },
    });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await response.text()).toContain('"code":"THROTTLED"');
  });

  it('that are begun and completed at once give their places back', async () => {
    await until(async () => (await hub()) === 0);
    const client = socketClient(app.url, await customerToken('cleo'));
    for (let round = 0; round < 20; round++)
      client.subscribe({ query: UPDATES }, { next() {}, error() {}, complete() {} })();
    const kept = subscribeWith(client, UPDATES);
    await until(async () => (await hub()) === 1);
    expect(kept.messages).toEqual([]);
    client.dispose();
  });
});

describe('connections', () => {
  const env = { ...PROXIED, SOCKETS_PER_ADDRESS: '2', CONNECTIONS_PER_ADDRESS: '3' };
  const app = useApp({ env, fulfils: false });
  const connect = (address: string) =>
    new Promise<WebSocket | number>((resolve) => {
      const socket = new WebSocket(`${app.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws', from(address));
      socket.once('open', () => resolve(socket));
      socket.on('error', () => {});
      socket.once('unexpected-response', (_, { statusCode = 0 }) => {
        socket.terminate();
        resolve(statusCode);
      });
    });

  it('are bounded for WebSockets of one address', async () => {
    const sockets = await Promise.all([connect('192.0.2.1'), connect('192.0.2.1')]);
    expect(await connect('192.0.2.1')).toBe(429);
    const other = await connect('192.0.2.2');
    expect(other).toBeInstanceOf(WebSocket);
    for (const socket of sockets) (socket as WebSocket).terminate();
    const again = await until(async () => {
      const socket = await connect('192.0.2.1');
      return typeof socket === 'number' ? undefined : socket;
    });
    again?.terminate();
    (other as WebSocket).terminate();
  });
});
