import { type CryptoKey, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { expect } from 'vitest';
import shop from '../../../src/app.ts';
import { UnauthenticatedError } from '../../../src/kernel/errors.ts';
import {
  type Authenticator,
  type AuthSettings,
  createAuthenticator as createWith,
} from '../../../src/server/auth/authenticator.ts';
import { readConfig } from '../../../src/settings/config.ts';

export const SECRET = 'a secret of more than thirty-two bytes';
export const createAuthenticator = (settings: AuthSettings) => createWith(settings, shop);
export const ADA = { sub: 'ada', roles: ['customer'] };

export const keyOf = (secret: string) => new TextEncoder().encode(secret);
export const seconds = (fromNow: number) => Math.floor(Date.now() / 1000) + fromNow;
export const withSecret = (env: NodeJS.ProcessEnv = {}) =>
  createAuthenticator(readConfig({ AUTH_JWT_SECRET: SECRET, ...env }));

/** Valid for an hour unless the claims say otherwise; `exp: undefined` leaves it out. */
export async function bearer(
  claims: JWTPayload,
  key: CryptoKey | Uint8Array = keyOf(SECRET),
  header?: JWTHeaderParameters,
) {
  return `Bearer ${await new SignJWT({ exp: seconds(3600), ...claims }).setProtectedHeader(header ?? { alg: 'HS256' }).sign(key)}`;
}

export async function refusalOf(authenticator: Authenticator, credentials: string): Promise<string> {
  const error: unknown = await authenticator.authenticate(credentials).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UnauthenticatedError);
  expect(error).toHaveProperty('code', 'UNAUTHENTICATED');
  return (error as UnauthenticatedError).message;
}
