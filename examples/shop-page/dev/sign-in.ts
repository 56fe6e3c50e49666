import type { IncomingMessage, ServerResponse } from 'node:http';
import { SignJWT } from 'jose';
import type { Plugin } from 'vite';
import { PEOPLE, type Person } from '../src/api/people.ts';

/** How long an access token is good: short, so that the page is seen to renew it. */
const LIFETIME = '2 minutes';

/**
 * Signs anybody in without a password, for development: `POST /sign-in?as=ID` is answered with an access token. In
 * production your identity provider does this.
 * @param secret AUTH_JWT_SECRET of the server.
 */
export function devSignIn(secret: string | undefined): Plugin {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const id = new URL(request.url ?? '/', 'http://page').searchParams.get('as');
    const person = PEOPLE.find((one) => one.id === id);
    if (request.method !== 'POST' || !person || !secret) return response.writeHead(secret ? 404 : 503).end();
    const headers = { 'content-type': 'text/plain', 'cache-control': 'no-store' };
    return response.writeHead(200, headers).end(await accessToken(person, secret));
  };
  return {
    name: 'dev-sign-in',
    configureServer: ({ middlewares }) => void middlewares.use('/sign-in', answer),
    configurePreviewServer: ({ middlewares }) => void middlewares.use('/sign-in', answer),
  };
}

/** An access token as the server takes it. */
export function accessToken({ id, role }: Person, secret: string): Promise<string> {
  return new SignJWT({ roles: [role] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setIssuedAt()
    .setExpirationTime(LIFETIME)
    .sign(new TextEncoder().encode(secret));
}
