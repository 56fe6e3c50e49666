import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import shop from '../../../../src/app.ts';
import { Observer } from '../../../../src/observe/observer.ts';
import { ActiveCallers } from '../../../../src/scheduling/active-callers.ts';
import { Turns } from '../../../../src/scheduling/turns.ts';
import { createAuthenticator } from '../../../../src/server/auth/authenticator.ts';
import { createHostGuard } from '../../../../src/server/http/hosts.ts';
import { createOrigins } from '../../../../src/server/http/origins.ts';
import { serveGraphql } from '../../../../src/server/http/requests/graphql-requests.ts';
import { StalledClients } from '../../../../src/server/http/stalled-clients.ts';
import { createAddresses } from '../../../../src/server/limits/address.ts';
import { CallerLimits } from '../../../../src/server/limits/limits.ts';
import { Refusals } from '../../../../src/server/limits/refusals.ts';
import { createLogger } from '../../../../src/server/operations/logger.ts';
import type { ServerOccurrences } from '../../../../src/server/operations/occurrences.ts';
import { readConfig } from '../../../../src/settings/config.ts';
import { HttpClient } from '../../../support/client/http-client.ts';
import { WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const SHOP = 'https://shop.example';
const EVIL = 'https://evil.example';
const QUERY = '{ projections { name } }';
const crossOrigin = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));
const preflight = (origin: string) => ({
  origin,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type, authorization, read-after, x-correlation-id, traceparent',
});

describe('while authentication is off', () => {
  const app = useApp();

  it.each(['http://localhost:5173', 'https://shop.localhost', 'http://127.0.0.1:3000', 'http://[::1]:3000'])(
    'pages of this machine may call the server: %s',
    async (origin) => {
      const asked = await app.send({ method: 'OPTIONS' }, { headers: preflight(origin) });
      const answer = await app.query(QUERY, {}, { headers: { origin } });
      for (const { headers } of [asked, answer]) {
        expect(headers.get('access-control-allow-origin')).toBe(origin);
        expect(headers.get('vary')).toContain('origin');
      }
    },
  );

  it.each([SHOP, 'null', 'http://localhost.evil.example', 'http://evil.example:localhost', 'file://localhost'])(
    'no page of another site may: %s',
    async (origin) => {
      const answer = await app.query(QUERY, {}, { headers: { origin } });
      expect(crossOrigin(answer.headers)).toEqual([]);
      const asked = await app.send({ method: 'OPTIONS' }, { headers: preflight(origin) });
      expect(crossOrigin(asked.headers)).toEqual([]);
    },
  );

  it('an origin that is refused is logged once, with the name of the setting that would allow it', async () => {
    const origin = 'https://pages.example';
    for (let i = 0; i < 3; i++) await app.query(QUERY, {}, { headers: { origin } });
    await app.query(QUERY, {}, { headers: { origin: app.url } });
    const said = app.log.map((line) => JSON.parse(line)).filter(({ msg }) => /CORS_ORIGINS/.test(msg));
    expect(said.filter((line) => line.origin === origin)).toMatchObject([{ level: 'warn' }]);
    expect(said.filter((line) => line.origin === app.url)).toEqual([]);
  });
});

describe('by default', () => {
  const app = useApp({ env: WITH_AUTH });

  it('no page of another site may call the server', async () => {
    for (const origin of [SHOP, 'null', 'http://localhost:3000']) {
      const answer = await app.query(QUERY, {}, { headers: { origin } });
      expect(crossOrigin(answer.headers)).toEqual([]);
      const asked = await app.send({ method: 'OPTIONS' }, { headers: preflight(origin) });
      expect(crossOrigin(asked.headers)).toEqual([]);
    }
  });
});

describe('with CORS_ORIGINS', () => {
  const app = useApp({ env: { CORS_ORIGINS: `${SHOP}, https://app.example` } });

  it('pages of these sites may, and read the token that comes in the header', async () => {
    const asked = await app.send({ method: 'OPTIONS' }, { headers: preflight(SHOP) });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST');
    for (const name of ['content-type', 'authorization', 'read-after', 'x-correlation-id', 'traceparent']) {
      expect(asked.headers.get('access-control-allow-headers')).toContain(name);
    }
    const answer = await app.query(QUERY, {}, { headers: { origin: SHOP } });
    expect(answer.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(answer.headers.get('access-control-expose-headers')).toContain('consistency-token');
    expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin');
  });

  it('pages of these sites may send any header, and need not ask for each request', async () => {
    const headers = { ...preflight(SHOP), 'access-control-request-headers': 'content-type,x-of-their-own' };
    const asked = await app.send({ method: 'OPTIONS' }, { headers });
    expect(asked.headers.get('access-control-allow-headers')).toBe('content-type,x-of-their-own');
    expect(Number(asked.headers.get('access-control-max-age'))).toBeGreaterThan(60);
    expect(asked.headers.get('vary')).toBe('origin, access-control-request-headers');
  });

  it('a cache does not give an answer for one origin to another', async () => {
    for (const headers of [{}, { origin: EVIL }] as Record<string, string>[]) {
      expect((await app.query(QUERY, {}, { headers })).headers.get('vary')).toContain('origin');
    }
  });

  it('pages of these sites may read why a request is refused', async () => {
    const headers = { origin: SHOP };
    const large = await app.query(`# ${'x'.repeat(3_000_000)}`, {}, { headers });
    expect([large.status, large.code]).toEqual([413, 'BAD_USER_INPUT']);
    const typed = await app.send({ method: 'POST', body: QUERY }, { headers });
    expect(typed.status).toBe(415);
    for (const answer of [large, typed]) expect(answer.headers.get('access-control-allow-origin')).toBe(SHOP);
  });

  it('pages of other sites may not', async () => {
    for (const origin of [EVIL, 'https://shop.example.evil.example', 'null', 'http://shop.example']) {
      const answer = await app.query(QUERY, {}, { headers: { origin } });
      expect(crossOrigin(answer.headers)).toEqual([]);
      const asked = await app.send({ method: 'OPTIONS' }, { headers: preflight(origin) });
      expect(crossOrigin(asked.headers)).toEqual([]);
    }
  });
});

describe('while the server starts or stops', () => {
  async function notReady() {
    const config = readConfig({});
    const logger = createLogger({ logLevel: 'silent', nodeEnv: 'test' });
    const handle = serveGraphql({
      graphql: () => {},
      notReady: () => 'The server is starting.',
      whyNotHost: createHostGuard(config),
      origins: createOrigins({ ...config, corsOrigins: [SHOP] }, () => {}),
      maxBodyBytes: 1000,
      jsonLimits: { levels: 10, values: 1000 },
      addresses: createAddresses([]),
      gate: {
        limits: new CallerLimits(config),
        refusals: new Refusals(logger, new Observer<ServerOccurrences>()),
        authenticator: createAuthenticator(config, shop),
        activeCallers: new ActiveCallers(),
      },
      turns: new Turns(),
      stalledClients: new StalledClients(1000, 1000),
      reportFault: () => {},
    });
    const server = createServer((request: IncomingMessage, response: ServerResponse) => void handle(request, response));
    onTestFinished(() => void server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new HttpClient(() => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  it('pages of these sites may ask, and read when to try again', async () => {
    const client = await notReady();
    const asked = await client.send({ method: 'OPTIONS' }, { headers: preflight(SHOP) });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(SHOP);
    const answer = await client.query(QUERY, {}, { headers: { origin: SHOP } });
    expect([answer.status, answer.code]).toEqual([503, 'THROTTLED']);
    expect(answer.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(answer.headers.get('access-control-expose-headers')).toContain('retry-after');
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('pages of other sites may not', async () => {
    const client = await notReady();
    for (const origin of [EVIL, 'null']) {
      const asked = await client.send({ method: 'OPTIONS' }, { headers: preflight(origin) });
      expect([asked.status, crossOrigin(asked.headers)]).toEqual([204, []]);
      expect(crossOrigin((await client.query(QUERY, {}, { headers: { origin } })).headers)).toEqual([]);
    }
  });
});
