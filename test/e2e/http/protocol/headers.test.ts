import { request } from 'node:http';
import { expect, it } from 'vitest';
import { WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: { ...WITH_AUTH, MAX_BODY_BYTES: '2000' }, fulfils: false });
const JSON_BODY = { 'content-type': 'application/json' };
const post = (body: string, headers = {}) => ({ method: 'POST', body, headers: { ...JSON_BODY, ...headers } });
const operation = (query: string) => JSON.stringify({ query });

it.each<[string, string, RequestInit, number]>([
  ['a query', '/graphql', post(operation('{ projections { name } }')), 200],
  ['a refused document', '/graphql', post(operation('{ nothing }')), 400],
  ['a body that is no JSON', '/graphql', post('{'), 400],
  ['a body that is too long', '/graphql', post('x'.repeat(3000)), 413],
  ['a bad token', '/graphql', post(operation('{ projections { name } }'), { authorization: 'Bearer no' }), 401],
  ['another content type', '/graphql', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }, 415],
  ['GraphiQL', '/graphql', { headers: { accept: 'text/html' } }, 200],
  ['a file of GraphiQL', '/graphql?graphiql=page.js', {}, 200],
  [
    'a stream',
    '/graphql',
    post(operation('subscription { projectionUpdated { keys } }'), { accept: 'text/event-stream' }),
    200,
  ],
  ['a preflight', '/graphql', { method: 'OPTIONS' }, 204],
  ['readiness', '/readyz', {}, 200],
  ['metrics', '/metrics', {}, 200],
  ['a path that there is not', '/nothing', {}, 404],
  ['the root', '/', { redirect: 'manual' }, 302],
])('no browser guesses the type of %s', async (_, path, init, status) => {
  const accept = { accept: 'application/graphql-response+json' };
  const response = await fetch(`${app.url}${path}`, { ...init, headers: { ...accept, ...init.headers } });
  expect(response.status).toBe(status);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  await response.body?.cancel();
});

it.each(['evil.example', "x; script-src 'unsafe-inline'", 'evil.example/graphql?', 'odd host', ''])(
  'nothing of an answer is built from the Host header %j',
  async (host) => {
    const headers = { host, accept: 'text/html' };
    const { status, text } = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      request(`${app.url}/graphql`, { headers, agent: false }, (response) => {
        let text = JSON.stringify(response.headers);
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode, text }));
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    expect(text).toContain("connect-src 'self';");
    if (host !== '') expect(text).not.toContain(host);
  },
);

it('a refusal leaves a line with ids and a code, and nothing that was sent', async () => {
  const headers = { 'x-correlation-id': 'me' };
  await app.query('{ secretOfMine }', {}, { headers });
  await app.query('{ projections { name } }', {}, { headers, token: 'token-of-mine' });
  await app.query('{ orders { edges { cursor } } }', {}, { headers });
  const lines = app.log.map((line) => JSON.parse(line)).filter((line) => line.correlationId === 'me');
  const common = { msg: 'refused', level: 'info', transport: 'http', address: '127.0.0.1' };
  expect(lines.filter(({ msg }) => msg === 'refused')).toMatchObject([
    { ...common, reason: 'bad_user_input', code: 'BAD_USER_INPUT' },
    { ...common, reason: 'unauthenticated', status: 401 },
    { ...common, reason: 'unauthenticated', code: 'UNAUTHENTICATED' },
  ]);
  expect(app.log.join('')).not.toMatch(/OfMine|of-mine/);
});
