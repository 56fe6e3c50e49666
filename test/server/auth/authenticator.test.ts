import type { JWTPayload } from 'jose';
import { describe, expect, it } from 'vitest';
import { credentialsOf } from '../../../src/server/auth/authenticator.ts';
import { readConfig } from '../../../src/settings/config.ts';
import { ADA, bearer, createAuthenticator, keyOf, refusalOf, SECRET, seconds, withSecret } from './authenticators.ts';

describe('without any setting for authentication', () => {
  it('takes every request for the development admin', async () => {
    const authenticator = createAuthenticator(readConfig({}));
    const developer = { actor: { id: 'developer', roles: ['admin'], claims: {}, power: 'everything' } };
    expect(await authenticator.authenticate(undefined)).toEqual(developer);
    expect(await authenticator.authenticate('Bearer anything')).toEqual(developer);
  });

  it('has a notice of one line, which names the address if other machines can reach it', () => {
    expect(createAuthenticator(readConfig({})).notice).toMatch(/^Authentication is off: every request acts as .+\.$/);
    const exposed = createAuthenticator(readConfig({ HOST: '0.0.0.0' }));
    expect(exposed.notice).toContain('every request, from any machine that reaches 0.0.0.0, acts as');
  });

  it('is not to be had in production', () => {
    expect(() => createAuthenticator({ ...readConfig({}), nodeEnv: 'production' })).toThrow('must be set');
  });
});

describe('with a shared secret', () => {
  it.each([undefined, '', '  '])('takes the credentials %j for an anonymous request', async (credentials) => {
    expect(await withSecret().authenticate(credentials)).toBeNull();
  });

  it.each(['Bearer', 'bearer'])('takes who sends a valid token after %s for its subject', async (scheme) => {
    expect(withSecret()).not.toHaveProperty('notice');
    const credentials = (await bearer(ADA)).replace('Bearer', scheme);
    expect(await withSecret().authenticate(credentials)).toMatchObject({ actor: { id: 'ada', roles: ['customer'] } });
  });

  it('says when a token runs out, allowing for clocks that differ', async () => {
    const exp = seconds(60);
    const authenticated = await withSecret().authenticate(await bearer({ ...ADA, exp }));
    expect(authenticated?.expiresAt).toEqual(new Date((exp + 5) * 1000));
    const everlasting = await withSecret().authenticate(await bearer({ ...ADA, exp: 1e300 }));
    expect(everlasting?.expiresAt?.getTime()).toBe(8.64e15);
  });

  it.each([
    ['a list', ['staff', 'customer'], ['customer', 'staff']],
    ['words', 'admin  customer', ['customer', 'admin']],
    ['roles that nobody knows', ['owner', 7, null], []],
    ['the role of the application itself', ['system', 'customer'], ['customer']],
    ['something else', { admin: true }, []],
    ['nothing', undefined, []],
  ])('reads roles given as %s', async (_, roles, expected) => {
    const authenticated = await withSecret().authenticate(await bearer({ sub: 'ada', roles }));
    expect(authenticated?.actor.roles).toEqual(expected);
  });

  it.each([
    ['https://shop.example/roles', { 'https://shop.example/roles': ['staff'], roles: ['admin'] }],
    ['realm_access.roles', { realm_access: { roles: ['staff'] }, roles: ['admin'] }],
  ])('looks for roles in the claim %s', async (AUTH_ROLES_CLAIM, claims) => {
    const authenticated = await withSecret({ AUTH_ROLES_CLAIM }).authenticate(await bearer({ sub: 'ada', ...claims }));
    expect(authenticated?.actor.roles).toEqual(['staff']);
  });

  it.each(['Bearer', 'Bearer ', 'Basic YWRhOmFkYQ==', 'Bearer one two', 'token'])(
    'refuses %j, which is no bearer token',
    async (credentials) => {
      expect(await refusalOf(withSecret(), credentials)).toContain('Bearer');
    },
  );

  it.each(['x', 'a.b.c', '..', 'eyJhbGciOiJIUzI1NiJ9.e30', 'eyJhbGciOiJIUzI1NiJ9.W10.é', 'x'.repeat(10_000)])(
    'refuses a malformed token',
    async (token) => {
      expect(await refusalOf(withSecret(), `Bearer ${token}`)).toContain('malformed');
    },
  );

  it('refuses a token that was signed with another secret or changed after signing', async () => {
    const credentials = await bearer(ADA, keyOf('another secret of more than 32 bytes'));
    expect(await refusalOf(withSecret(), credentials)).toContain('signature');
    const [header, , signature] = (await bearer(ADA)).split('.');
    const claims = Buffer.from(JSON.stringify({ ...ADA, roles: ['admin'] })).toString('base64url');
    expect(await refusalOf(withSecret(), `${header}.${claims}.${signature}`)).toContain('signature');
  });

  it('refuses a token that has expired or is not valid yet', async () => {
    expect(await refusalOf(withSecret(), await bearer({ ...ADA, exp: seconds(-10) }))).toContain('expired');
    expect(await refusalOf(withSecret(), await bearer({ ...ADA, nbf: seconds(60) }))).toContain('not valid yet');
  });

  it.each([
    ...['system', 'anonymous', 'SYSTEM', 'System', 'sys tem', 'ｓｙｓｔｅｍ', 'ⓢⓨⓢⓣⓔⓜ', 'ANONYMOUS', 'ſystem'],
    ...['system:payments', 'SYSTEM : payments'],
  ])('refuses the subject %j, which reads as one of the actors of the application itself', async (sub) => {
    expect(await refusalOf(withSecret(), await bearer({ sub, roles: ['staff'] }))).toMatch(/"(system|anonymous)"/);
  });

  it.each([
    ['a white space behind it', 'system '],
    ['a line break before it', '\nada'],
    ['the character NUL', 'a\0da'],
    ['half of a surrogate pair', 'ada\ud800'],
    ['a character that turns the direction of writing', 'ada\u202e'],
    ['a zero-width character', 'sys\u200btem'],
    ['a letter that is written in two characters and has one of its own', 'e\u0301va'],
    ['256 characters', 'a'.repeat(256)],
    ['7,336 characters', 'a'.repeat(7336)],
  ])('refuses a subject with %s and says why', async (_, sub) => {
    const message = await refusalOf(withSecret(), await bearer({ sub, roles: ['customer'] }));
    expect(message).toMatch(/^The subject of the access token \("sub" claim\) .+\.$/);
    expect(message.length).toBeLessThan(200);
  });

  it.each([
    'a',
    'a'.repeat(255),
    'auth0|5f7c8ec7',
    'Ada Lovelace',
    'éva',
    '李',
    'ecosystem',
    'systematic',
    'my:system',
  ])('takes the subject %j as it is', async (sub) => {
    expect((await withSecret().authenticate(await bearer({ sub })))?.actor.id).toBe(sub);
  });

  it.each<[string, object, string]>([
    ['has no end', { exp: undefined }, '"exp"'],
    ['was issued in the future', { iat: seconds(60) }, '"iat"'],
    ['was issued at no time', { iat: 'yesterday' }, '"iat"'],
    ['ends at no time', { exp: 'never' }, '"exp"'],
    ['tells of a logout', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, 'logout token'],
    ['answers the nonce of a login', { nonce: 'n' }, 'ID token'],
    ['vouches for an access token', { at_hash: 'h' }, 'ID token'],
    ['vouches for a code', { c_hash: 'h' }, 'ID token'],
    ['is for the application that it was issued to', { aud: ['web'], azp: 'web' }, 'ID token'],
    ['is an ID token of Keycloak', { typ: 'ID' }, 'another kind'],
    ['is a refresh token of Keycloak', { typ: 'Refresh' }, 'another kind'],
    ['is an ID token of Cognito', { token_use: 'id' }, 'another kind'],
  ])('refuses a token that %s', async (_, claims, reason) => {
    expect(await refusalOf(withSecret(), await bearer({ ...ADA, ...claims }))).toContain(reason);
  });

  it.each(['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'application/id_token+jwt', 'x'])(
    'refuses a token whose header says that it is of type %s',
    async (typ) => {
      const credentials = await bearer(ADA, keyOf(SECRET), { alg: 'HS256', typ });
      expect(await refusalOf(withSecret(), credentials)).toContain('"typ" header');
    },
  );

  it.each<[string, JWTPayload, string | undefined]>([
    ['with the type of RFC 9068', { auth_time: 1, nonce: 'n' }, 'at+jwt'],
    ['with the whole media type', {}, 'application/at+jwt'],
    ['of any JSON Web Token', {}, 'JWT'],
    ['of Keycloak', { typ: 'Bearer', azp: 'web', aud: 'web', nonce: 'n' }, 'JWT'],
    ['of Cognito', { token_use: 'access' }, undefined],
    ['of Auth0', { azp: 'web', aud: ['https://api.example', 'https://x.auth0.com/userinfo'], scope: 'openid' }, 'JWT'],
    ['of Entra', { azp: 'app', aud: 'app', scp: 'orders.read' }, 'JWT'],
  ])('takes an access token %s', async (_, claims, typ) => {
    const credentials = await bearer({ ...ADA, ...claims }, keyOf(SECRET), { alg: 'HS256', ...(typ ? { typ } : {}) });
    expect((await withSecret().authenticate(credentials))?.actor.id).toBe('ada');
  });

  it('refuses a token that lasts longer than AUTH_MAX_TOKEN_LIFETIME_S', async () => {
    const authenticator = withSecret({ AUTH_MAX_TOKEN_LIFETIME_S: '600' });
    const [iat, exp] = [seconds(-60), seconds(500)];
    expect(await authenticator.authenticate(await bearer({ ...ADA, iat, exp }))).not.toBeNull();
    expect(await authenticator.authenticate(await bearer({ ...ADA, exp: seconds(590) }))).not.toBeNull();
    for (const claims of [{ iat, exp: seconds(560) }, { exp: seconds(660) }]) {
      expect(await refusalOf(authenticator, await bearer({ ...ADA, ...claims }))).toContain('600 seconds');
    }
  });

  it('allows for clocks that differ by AUTH_CLOCK_TOLERANCE_S', async () => {
    const authenticator = withSecret({ AUTH_CLOCK_TOLERANCE_S: '120' });
    const exp = seconds(-60);
    const authenticated = await authenticator.authenticate(await bearer({ ...ADA, exp, iat: seconds(60) }));
    expect(authenticated?.expiresAt).toEqual(new Date((exp + 120) * 1000));
  });

  it('refuses a token that names a header parameter which has to be understood and is not', async () => {
    const credentials = await bearer(ADA, keyOf(SECRET));
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', crit: ['x'], x: 1 })).toString('base64url');
    expect(await refusalOf(withSecret(), credentials.replace(/(?<=Bearer )[^.]+/, header))).toContain('malformed');
  });

  it('refuses a token of more than 16,384 bytes before it is looked into', async () => {
    const credentials = await bearer({ ...ADA, picture: 'x'.repeat(20_000) });
    expect(await refusalOf(withSecret(), credentials)).toContain('16384');
  });

  it.each<object>([{}, { sub: '' }, { sub: ' ' }, { sub: 7 }])(
    'refuses a token with the claims %j, which names nobody',
    async (claims) => {
      expect(await refusalOf(withSecret(), await bearer({ ...claims }))).toContain('"sub"');
    },
  );

  it.each([
    ['iss', 'AUTH_ISSUER', 'another issuer'],
    ['aud', 'AUTH_AUDIENCE', 'another audience'],
  ])('refuses a token with a wrong or no %s claim if %s is set, without telling the right one', async (...given) => {
    const [claim, setting, reason] = given;
    const authenticator = withSecret({ [setting]: 'the-right-one' });
    expect(await authenticator.authenticate(await bearer({ ...ADA, [claim]: 'the-right-one' }))).not.toBeNull();
    for (const claims of [{ ...ADA, [claim]: 'the wrong one' }, ADA]) {
      const message = await refusalOf(authenticator, await bearer(claims));
      expect(message).toContain(reason);
      expect(message).not.toContain('the-right-one');
    }
  });
});

describe('credentialsOf', () => {
  it.each([
    { authorization: 'Bearer x' },
    { Authorization: 'Bearer x' },
    { headers: { authorization: 'Bearer x' } },
    { headers: { Authorization: 'Bearer x' } },
    { authorization: null, headers: { authorization: 'Bearer x' } },
  ])('finds the credentials in the connection parameters %j', (params) => {
    expect(credentialsOf(params)).toBe('Bearer x');
  });

  it.each([undefined, null, 'Bearer x', 7, {}, { headers: null }, { headers: 'Bearer x' }, { authorization: null }])(
    'finds none in %j',
    (params) => {
      expect(credentialsOf(params)).toBeUndefined();
    },
  );

  it.each([7, false, { token: 'x' }])('passes on %j, to be refused and not taken for anonymous', async (value) => {
    const credentials = credentialsOf({ authorization: value });
    expect(await refusalOf(withSecret(), credentials ?? '')).toContain('Bearer');
  });
});
