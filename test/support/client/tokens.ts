import { SignJWT } from 'jose';
import type { Role } from '../../../src/kernel/define/access/roles.ts';

export const SECRET = 'a secret of more than thirty-two bytes';

/** Settings of a server that checks tokens. */
export const WITH_AUTH = { AUTH_JWT_SECRET: SECRET };

/** An access token, valid for an hour by default. */
export async function accessToken(
  subject: string,
  roles: readonly Role[],
  { expiresAt, secret = SECRET }: { expiresAt?: Date; secret?: string } = {},
): Promise<string> {
  return new SignJWT({ roles: [...roles] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime(expiresAt ?? '1h')
    .sign(new TextEncoder().encode(secret));
}

export const staffToken = () => accessToken('clerk', ['staff']);
export const customerToken = (customerId: string) => accessToken(customerId, ['customer']);
