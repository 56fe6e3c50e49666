import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  UnsecuredJWT,
} from 'jose';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AuthUnavailableError } from '../../../src/server/auth/published-keys.ts';
import { readConfig } from '../../../src/settings/config.ts';
import { until } from '../../support/until.ts';
import { ADA, bearer, createAuthenticator, keyOf, refusalOf, seconds, withSecret } from './authenticators.ts';

describe('with published keys', () => {
  afterEach(() => vi.useRealTimers());

  async function issuer(alg: string, kid: string) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
    const sign = (claims: JWTPayload, header: JWTHeaderParameters = { alg, kid }) => bearer(claims, privateKey, header);
    return { jwk, publicKey, sign };
  }

  async function serve(listener: RequestListener) {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    };
    onTestFinished(async () => void (await close()));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
    return { authenticator: createAuthenticator(readConfig({ AUTH_JWKS_URL: url })), close };
  }

  async function publish(...published: JWK[]) {
    const endpoint = { keys: published, requests: 0 };
    const served = await serve((_, response) => {
      endpoint.requests += 1;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: endpoint.keys }));
    });
    return Object.assign(endpoint, served);
  }

  it.each(['RS256', 'ES256', 'Ed25519'])('takes the bearer of a valid %s token for its subject', async (alg) => {
    const { jwk, sign } = await issuer(alg, 'one');
    const { authenticator } = await publish(jwk);
    expect(await authenticator.authenticate(await sign(ADA))).toMatchObject({
      actor: { id: 'ada', roles: ['customer'] },
    });
  });

  it('fetches the keys once for many tokens, also when they come together', async () => {
    const { jwk, sign } = await issuer('ES256', 'one');
    const endpoint = await publish(jwk);
    const credentials = await sign(ADA);
    await Promise.all(Array.from({ length: 20 }, () => endpoint.authenticator.authenticate(credentials)));
    await endpoint.authenticator.authenticate(credentials);
    expect(endpoint.requests).toBe(1);
  });

  it('refuses a token of a key that is not published, and does not fetch for each of them', async () => {
    const [known, unknown] = [await issuer('ES256', 'one'), await issuer('ES256', 'two')];
    const endpoint = await publish(known.jwk);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await refusalOf(endpoint.authenticator, await unknown.sign(ADA))).toContain('publish');
    }
    expect(endpoint.requests).toBe(1);
  });

  it('answers for known keys at once while tokens of any number of unknown keys wait for one slow fetch', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const known = await issuer('ES256', 'known');
    const answers: ((keys: { keys: JWK[] }) => void)[] = [];
    const { authenticator } = await serve((_, response) => {
      answers.push((keys) => response.setHeader('content-type', 'application/json').end(JSON.stringify(keys)));
      if (answers.length === 1) answers[0]?.({ keys: [known.jwk] });
    });
    await authenticator.authenticate(await known.sign(ADA));
    // Unknown keys are looked for again only after this time.
    vi.setSystemTime(Date.now() + 11_000);
    const unknown = await Promise.all(
      Array.from({ length: 100 }, (_, nth) => known.sign(ADA, { alg: 'ES256', kid: `unknown ${nth}` })),
    );
    const refusals = Promise.all(unknown.map((token) => refusalOf(authenticator, token)));
    const other = { ...ADA, sub: 'bob' };
    await until(() => answers.length === 2);
    expect(await authenticator.authenticate(await known.sign(other))).toMatchObject({ actor: { id: 'bob' } });
    answers[1]?.({ keys: [known.jwk] });
    for (const refusal of await refusals) expect(refusal).toContain('publish');
    expect(answers).toHaveLength(2);
  });

  it('finds a key that was published later', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [first, second] = [await issuer('ES256', 'one'), await issuer('ES256', 'two')];
    const endpoint = await publish(first.jwk);
    await endpoint.authenticator.authenticate(await first.sign(ADA));
    endpoint.keys = [first.jwk, second.jwk];
    vi.setSystemTime(Date.now() + 11_000);
    expect(await endpoint.authenticator.authenticate(await second.sign(ADA))).not.toBeNull();
    expect(endpoint.requests).toBe(2);
  });

  it('tries each key that fits a token which names none', async () => {
    const [first, second, other] = await Promise.all(['one', 'two', 'three'].map((kid) => issuer('ES256', kid)));
    const { authenticator } = await publish(first!.jwk, second!.jwk);
    for (const { sign } of [first!, second!]) {
      expect(await authenticator.authenticate(await sign(ADA, { alg: 'ES256' }))).not.toBeNull();
    }
    expect(await refusalOf(authenticator, await other!.sign(ADA, { alg: 'ES256' }))).toContain('signature');
    const expired = await first!.sign({ ...ADA, exp: seconds(-10) }, { alg: 'ES256' });
    expect(await refusalOf(authenticator, expired)).toContain('expired');
  });

  it('refuses a token of another key under a published name, or of a published key as a shared secret', async () => {
    const { jwk, publicKey } = await issuer('RS256', 'one');
    const impostor = await issuer('RS256', 'one');
    const { authenticator } = await publish(jwk);
    expect(await refusalOf(authenticator, await impostor.sign(ADA))).toContain('signature');
    const forged = await bearer(ADA, keyOf(await exportSPKI(publicKey)), { alg: 'HS256', kid: 'one' });
    expect(await refusalOf(authenticator, forged)).toContain('algorithm');
  });

  it('refuses an unsigned token, as with a shared secret, without asking for keys', async () => {
    const endpoint = await publish();
    const credentials = `Bearer ${new UnsecuredJWT(ADA).encode()}`;
    expect(await refusalOf(withSecret(), credentials)).toContain('algorithm');
    expect(await refusalOf(endpoint.authenticator, credentials)).toContain('algorithm');
    expect(endpoint.requests).toBe(0);
  });

  it.each<[string, RequestListener]>([
    ['answers an error', (_, response) => response.writeHead(503).end()],
    ['answers something else than keys', (_, response) => response.end('<html>')],
    ['breaks the connection', (_, response) => response.destroy()],
    ['answers more than a key set can be', (_, response) => response.end(`{"keys":[${' '.repeat(300_000)}]}`)],
    ['never ends its answer', (_, response) => endless(response)],
    ['sends callers somewhere else', (_, response) => response.writeHead(302, { location: '/other' }).end()],
  ])('blames the service where the endpoint %s', async (_, listener) => {
    const { sign } = await issuer('ES256', 'one');
    const { authenticator } = await serve(listener);
    const error: unknown = await authenticator.authenticate(await sign(ADA)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AuthUnavailableError);
    expect(error).toHaveProperty('code', 'AUTH_UNAVAILABLE');
  });

  it('does not pass the load of its callers on to an endpoint that fails', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    const { sign } = await issuer('ES256', 'one');
    let requests = 0;
    const { authenticator } = await serve((_, response) => {
      requests += 1;
      response.writeHead(500).end();
    });
    const credentials = await sign(ADA);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(authenticator.authenticate(credentials)).rejects.toThrow(AuthUnavailableError);
    }
    expect(requests).toBe(1);
  });

  it('recovers by itself when the endpoint is back', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    const { jwk, sign } = await issuer('ES256', 'one');
    let up = false;
    const { authenticator } = await serve((_, response) =>
      up ? response.end(JSON.stringify({ keys: [jwk] })) : response.destroy(),
    );
    await expect(authenticator.authenticate(await sign(ADA))).rejects.toThrow(AuthUnavailableError);
    up = true;
    vi.advanceTimersByTime(1_000);
    expect(await authenticator.authenticate(await sign(ADA))).not.toBeNull();
  });

  it('has a notice of one line if tokens for any audience are taken', () => {
    const env = { AUTH_JWKS_URL: 'https://id.example/keys' };
    expect(createAuthenticator(readConfig(env)).notice).toMatch(/^AUTH_AUDIENCE is not set: .+\.$/);
    expect(createAuthenticator(readConfig({ ...env, AUTH_AUDIENCE: 'shop' })).notice).toBeUndefined();
  });

  it('lets anonymous requests pass while the endpoint is away', async () => {
    const { authenticator, close } = await publish();
    await close();
    expect(await authenticator.authenticate(undefined)).toBeNull();
    const { sign } = await issuer('ES256', 'one');
    await expect(authenticator.authenticate(await sign(ADA))).rejects.toThrow(AuthUnavailableError);
  });
});

/** Sends a little again and again. */
function endless(response: ServerResponse): void {
  response.write('{"keys":[');
  const timer = setInterval(() => response.write(' '), 50);
  response.once('close', () => clearInterval(timer));
}
