import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { openShop, placeOrder } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const UPDATES = 'subscription { projectionUpdated(projections: ["products"]) { projection } }';
const inTheFuture = (ms: number) => new Date(Date.now() + ms);

describe('the credentials of a WebSocket connection', () => {
  const app = useApp({ env: WITH_AUTH, fulfils: false });
  const open = useTransports(app);

  /** Introduces itself with these parameters; how that ends: 'connection_ack', or the close code and reason. */
  async function introduce(payload: unknown, headers: Record<string, string> = {}) {
    const socket = new WebSocket(`${app.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws', { headers });
    const ended = new Promise<string>((resolve) => {
      socket.on('message', (data) => resolve(JSON.parse(String(data)).type));
      socket.on('close', (code, reason) => resolve(`${code} ${reason}`));
    });
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
    const end = await ended;
    socket.terminate();
    return end;
  }

  it('are found wherever clients put them', async () => {
    const authorization = `Bearer ${await staffToken()}`;
    const places = [
      { authorization },
      { Authorization: authorization },
      { headers: { authorization } },
      { headers: { Authorization: authorization } },
    ];
    for (const place of places) expect(await introduce(place)).toBe('connection_ack');
    expect(await introduce(undefined, { authorization })).toBe('connection_ack');
    expect(await introduce({ authorization: 'Bearer nonsense' }, { authorization })).toMatch(/^4401 /);
  });

  it('close it with 4403 if they are expired, so that clients connect again with new ones', async () => {
    const token = await accessToken('clerk', ['staff'], { expiresAt: inTheFuture(-60_000) });
    expect(await introduce({ authorization: `Bearer ${token}` })).toMatch(/^4403 .*expired/);
  });

  it.each([
    ['forged', () => accessToken('clerk', ['staff'], { secret: 'another secret of thirty-two bytes' }), /sign/],
    ['malformed', () => 'nonsense', /malformed/],
  ])('close it with 4401 and say why where they are %s', async (_, token, reason) => {
    const end = await introduce({ authorization: `Bearer ${await token()}` });
    expect(end).toMatch(/^4401 /);
    expect(end).toMatch(reason);
  });

  it.each([7, null, { token: 'x' }, ['Bearer x']])('are refused as %j, or taken for none', async (authorization) => {
    expect(await introduce({ authorization })).toMatch(authorization === null ? /^connection_ack/ : /^4401 /);
  });

  it('that are missing make an anonymous connection, which sees what everybody may', async () => {
    const anonymous = open('WebSocket');
    const products = anonymous.subscribe<{ projectionUpdated: { projection: string } }>(UPDATES);
    const orders = anonymous.subscribe(
      'subscription { orderUpdated(id: "00000000-0000-0000-0000-000000000000") { id } }',
    );
    expect((await orders.next()).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    await until(() => app.engine.projector.hub.size === 1);
    await openShop(app, { token: await staffToken() });
    expect((await products.data()).projectionUpdated.projection).toBe('products');
  });

  it('that run out close it with 4403, and all of its subscriptions with it', async () => {
    const staff = await staffToken();
    const { customerId, productId } = await openShop(app, { token: staff });
    const { aggregateId: id, token: after } = await placeOrder(app, { customerId, productId }, {}, { token: staff });
    // Seconds are what tokens count in, and some are granted to clocks that differ.
    const token = await accessToken(customerId, ['customer'], { expiresAt: inTheFuture(-3000) });
    const transport = open('WebSocket', { token });
    const query = 'subscription ($id: ID!, $after: ConsistencyToken) { orderUpdated(id: $id, after: $after) { id } }';
    const feed = transport.subscribe(query, { id, after });
    const unexpired = open('WebSocket', { token: await customerToken(customerId) }).subscribe(query, { id, after });
    await feed.data();
    expect(await feed.end()).toMatchObject({ how: 'closed', code: 4403, reason: expect.stringMatching(/expired/) });
    await unexpired.data();
    await until(() => app.engine.projector.hub.size === 1);
    expect(unexpired.ending).toBeUndefined();
  });
});

describe('while the keys that check credentials cannot be had', () => {
  let keys: Server;
  const env: NodeJS.ProcessEnv = {};
  beforeAll(async () => {
    keys = createServer((_, response) => response.writeHead(500).end()).listen(0, '127.0.0.1');
    await once(keys, 'listening');
    env.AUTH_JWKS_URL = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`;
  });
  afterAll(() => void keys.close());
  const app = useApp({ env, fulfils: false });
  const open = useTransports(app);

  it('a WebSocket is closed with the code for trying again later', async () => {
    // A signature that needs one of the keys.
    const header = Buffer.from('{"alg":"RS256","kid":"1"}').toString('base64url');
    const token = `${header}.${Buffer.from('{"sub":"clerk"}').toString('base64url')}.c2lnbmF0dXJl`;
    const feed = open('WebSocket', { token }).subscribe(UPDATES);
    expect(await feed.end()).toMatchObject({ how: 'closed', code: 1013 });
  });
});
