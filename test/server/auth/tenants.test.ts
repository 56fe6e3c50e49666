import { describe, expect, it } from 'vitest';
import { type AppRoles, type Authenticator, createAuthenticator } from '../../../src/server/auth/authenticator.ts';
import { Visit } from '../../../src/server/limits/visit.ts';
import { readConfig } from '../../../src/settings/config.ts';
import { ADA, bearer, SECRET } from './authenticators.ts';

const shop: AppRoles = {
  roles: { customer: { description: 'Buys.' } },
  developerRoles: ['customer'],
  claims: undefined,
  developerClaims: {},
  tenants: { developerTenant: 'developer' },
};

const checked = (app: AppRoles = shop, env: NodeJS.ProcessEnv = {}) =>
  createAuthenticator(readConfig({ AUTH_JWT_SECRET: SECRET, ...env }), app);

const tenantOf = async (claims: object, authenticator = checked()) =>
  (await authenticator.authenticate(await bearer({ ...ADA, ...claims })))?.actor.tenant;

describe('the tenant of an actor', () => {
  it('is what the claim of AUTH_TENANT_CLAIM says, also if it is nested or its name has dots', async () => {
    expect(await tenantOf({ tenant: 'acme' })).toBe('acme');
    expect(await tenantOf({ org: { id: 'acme' } }, checked(shop, { AUTH_TENANT_CLAIM: 'org.id' }))).toBe('acme');
    const url = 'https://example.org/tenant';
    expect(await tenantOf({ [url]: 'acme' }, checked(shop, { AUTH_TENANT_CLAIM: url }))).toBe('acme');
  });

  it('is one tenant however its UUID is written, and another one for each other spelling', async () => {
    const id = '6F1C2B0E-3F0C-4A53-9D59-0C6F5A1F2A01';
    expect(await tenantOf({ tenant: id })).toBe(id.toLowerCase());
    expect(await tenantOf({ tenant: 'Acme' })).toBe('Acme');
  });

  it('is nothing for an application without tenants, whatever the token says', async () => {
    const authenticator = checked({ ...shop, tenants: undefined });
    expect(await tenantOf({ tenant: 'acme' }, authenticator)).toBeUndefined();
    expect(await tenantOf({}, authenticator)).toBeUndefined();
  });

  it.each([{}, { tenant: null }, { tenant: '' }])('is required: a token with %j is refused', async (claims) => {
    await expect(tenantOf(claims)).rejects.toMatchObject({
      code: 'TENANT_REQUIRED',
      message: 'The access token names no tenant: its "tenant" claim is missing. Sign in for one tenant.',
    });
  });

  it.each([
    ...['a/b', 'a.b', '../x', 'a b', 'a\u0000', '-a', '_a', 'ä', 'x'.repeat(64), 'postgres://x'],
    ...[7, true, ['acme'], { id: 'acme' }],
  ])('cannot be %j, and the refusal does not repeat it', async (tenant) => {
    const error = await tenantOf({ tenant }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringMatching(/^The tenant of the access token \("tenant" claim\) is /),
    });
    expect((error as Error).message).not.toContain(JSON.stringify(tenant).slice(0, 12));
  });

  it('is chosen by a developer while authentication is off', async () => {
    const open = createAuthenticator(readConfig({}), shop);
    const chosen = async (credentials?: string) => (await open.authenticate(credentials))?.actor.tenant;
    expect(await chosen()).toBe('developer');
    expect(await chosen('Bearer something')).toBe('developer');
    expect(await chosen('Tenant acme')).toBe('acme');
    await expect(chosen('Tenant a/b')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

/** A visit that is counted nowhere. */
function visitWith(authenticator: Authenticator) {
  let bad = 0;
  const limits = { mayAuthenticate: async () => {}, badCredentials: async () => void bad++ };
  const visit = new Visit({ authenticator, limits } as never, 'http', '192.0.2.1');
  return { visit, badCredentials: () => bad };
}

describe('a caller without a tenant', () => {
  it('is refused without having sent bad credentials, if they are not signed in', async () => {
    const { visit, badCredentials } = visitWith(checked());
    await expect(visit.authenticate(undefined)).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
    expect(badCredentials()).toBe(0);
  });

  it('is anonymous if the application has no tenants', async () => {
    const { visit } = visitWith(checked({ ...shop, tenants: undefined }));
    await visit.authenticate(undefined);
    expect(visit.authenticated).toBeNull();
  });
});

it('counts callers of the same id for each tenant', async () => {
  const callers = [];
  for (const tenant of ['acme', 'globex', 'acme']) {
    const { visit } = visitWith(checked());
    await visit.authenticate(await bearer({ ...ADA, tenant }));
    callers.push(visit.caller);
  }
  expect(callers).toEqual(['acme/ada', 'globex/ada', 'acme/ada']);
});
