import { type JWTPayload, SignJWT } from 'jose';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { type AppRoles, createAuthenticator } from '../../../src/server/auth/authenticator.ts';
import { readConfig } from '../../../src/settings/config.ts';
import { SECRET, WITH_AUTH } from '../../support/client/tokens.ts';

const claims = z.object({ branch: z.string(), desks: z.array(z.int()).optional(), note: z.string().optional() });
const library: AppRoles = {
  roles: { member: { description: 'Borrows books.' } },
  developerRoles: ['member'],
  claims,
  developerClaims: { branch: 'main' },
  tenants: undefined,
};

async function actorOf(payload: JWTPayload, app: AppRoles = library) {
  const token = await new SignJWT({ roles: ['member'], ...payload })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ada')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET));
  return (await createAuthenticator(readConfig(WITH_AUTH), app).authenticate(`Bearer ${token}`))?.actor;
}

it('gives an actor the claims that the application declares, and no others', async () => {
  expect(await actorOf({ branch: 'north', desks: [1, 2], email: 'ada@example.org' })).toEqual({
    id: 'ada',
    roles: ['member'],
    claims: { branch: 'north', desks: [1, 2] },
  });
});

it('gives an actor no claims if the application declares none', async () => {
  const { claims: _, ...withoutClaims } = library;
  expect(await actorOf({ branch: 'north' }, { ...withoutClaims, claims: undefined })).toMatchObject({ claims: {} });
});

it('refuses a token whose claims are not as the application declares them, and names the claim, not its value', async () => {
  const sentence = (name: string) =>
    `The "${name}" claim of the access token is missing or not as this API expects it.`;
  const refused = (name: string) => ({ code: 'UNAUTHENTICATED', message: sentence(name) });
  await expect(actorOf({})).rejects.toMatchObject(refused('branch'));
  await expect(actorOf({ branch: 7 })).rejects.toMatchObject(refused('branch'));
  await expect(actorOf({ branch: 'north', desks: [1, 'two'] })).rejects.toMatchObject(refused('desks.1'));
});

it('refuses a token whose declared claims are longer than 4 KiB, whatever else it says', async () => {
  const longest = 4096 - JSON.stringify({ branch: 'north', note: '' }).length;
  const other = 'x'.repeat(5000);
  const actor = await actorOf({ branch: 'north', note: 'x'.repeat(longest), other });
  expect(actor?.claims).toHaveProperty('note');
  await expect(actorOf({ branch: 'north', note: 'x'.repeat(longest + 1) })).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringMatching(/4097 bytes long; at most 4096/),
  });
});

it('gives everybody the claims of a developer while authentication is off', async () => {
  const authenticated = await createAuthenticator(readConfig({}), library).authenticate(undefined);
  expect(authenticated?.actor.claims).toEqual({ branch: 'main' });
});
