import { createClient } from 'graphql-ws';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { mutationOf, outcomeFields } from '../../../support/client/http-client.ts';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: { MAX_BODY_BYTES: '100000' } });
const QUERY = '{ projections { name } }';
const ADA = { name: 'Ada', email: 'ada@example.org' };
const json = (body: unknown) => JSON.stringify(body);
const MUTATION = `mutation { registerCustomer(input: { name: "Ada", email: "ada@example.org" }) { ${outcomeFields()} } }`;

describe('a body', () => {
  it.each([
    ['that is empty', ''],
    ['that is no JSON', '{'],
    ['that is a query as it stands', QUERY],
    ['that is null', 'null'],
    ['that is a number', '5'],
    ['that is text', '"text"'],
    ['of several operations', json([{ query: QUERY }, { query: QUERY }])],
    ['of one operation in a list', json([{ query: MUTATION }])],
    ['of an empty list', '[]'],
    ['without a query', '{}'],
    ['whose query is null', json({ query: null })],
    ['whose query is a number', json({ query: 5 })],
    ['whose query is empty', json({ query: '' })],
    ['whose variables are text', json({ query: QUERY, variables: 'text' })],
    ['whose variables are a list', json({ query: QUERY, variables: [1] })],
    ['whose extensions are a number', json({ query: QUERY, extensions: 5 })],
    ['with more than a request has', json({ query: QUERY, nonsense: 5 })],
    ['whose operationName no operation has', json({ query: `query A ${QUERY}`, operationName: 'B' })],
    ['whose operationName is a number', json({ query: QUERY, operationName: 5 })],
    ['of two operations that does not say which', json({ query: `query A ${QUERY} query B ${QUERY}` })],
    ['of fragments only', json({ query: 'fragment A on Query { projections { name } }' })],
    ['in another encoding', new Uint8Array([0xff, 0xfe, 0x7b, 0x00])],
  ])('%s is refused in words', async (_, body) => {
    const before = await logSize(app.database);
    const answer = await app.post(body);
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('content-type')).toMatch(/json/);
    expect(answer.text).not.toContain('originalError');
    expect(await logSize(app.database)).toEqual(before);
  });

  it('larger than MAX_BODY_BYTES is refused before it is read', async () => {
    const input = { name: 'a'.repeat(100_000), email: 'ada@example.org' };
    const answer = await app.post(json({ query: mutationOf('registerCustomer'), variables: { input } }));
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.status).toBe(413);
    expect(answer.errors?.[0]?.message).toMatch(/^The request is 100\d{3} bytes long; at most 100000 are taken\.$/);
  });

  it('of exactly MAX_BODY_BYTES is taken', async () => {
    const body = json({ query: QUERY });
    expect((await app.post(body + ' '.repeat(100_000 - body.length))).errors).toBeUndefined();
    expect((await app.post(body + ' '.repeat(100_001 - body.length))).status).toBe(413);
  });

  it('that begins with a byte order mark is taken', async () => {
    const marked = new Uint8Array([0xef, 0xbb, 0xbf, ...new TextEncoder().encode(json({ query: QUERY }))]);
    const sent = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const stream = { ...sent, body: new Blob([marked]).stream(), duplex: 'half' } as RequestInit;
    for (const answer of [await app.post(marked), await app.send(stream)]) {
      expect(answer.errors).toBeUndefined();
      expect(answer.data).toHaveProperty('projections');
    }
    expectRequestError(await app.post('\uFEFF\uFEFF{}'), 'BAD_USER_INPUT');
  });

  it.each(['', null])('whose operationName is %j names none', async (operationName) => {
    expect((await app.post(json({ query: `query A ${QUERY}`, operationName }))).errors).toBeUndefined();
    const several = json({ query: `query A ${QUERY} query B ${QUERY}`, operationName });
    expectRequestError(await app.post(several), 'BAD_USER_INPUT');
  });

  it('that comes as a stream is taken', async () => {
    const body = new Blob([json({ query: QUERY })]).stream();
    const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } };
    const answer = await app.send(init as RequestInit);
    expect(answer.errors).toBeUndefined();
  });
});

describe('a content-type', () => {
  const form = new FormData();
  form.set('operations', json({ query: MUTATION }));
  form.set('map', '{}');

  it.each([
    ['a form', new URLSearchParams({ query: MUTATION })],
    ['a form with files', form],
    ['plain text', new Blob([json({ query: MUTATION })], { type: 'text/plain' })],
    ['GraphQL', new Blob([MUTATION], { type: 'application/graphql' })],
    ['JSON in disguise', new Blob([json({ query: MUTATION })], { type: 'text/plain; application/json' })],
    ['nothing', new Blob([json({ query: MUTATION })])],
  ])('of %s is refused, so that no other site can send a mutation without asking first', async (_, body) => {
    const before = await logSize(app.database);
    const answer = await app.send({ method: 'POST', body });
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.status).toBe(415);
    expect(await logSize(app.database)).toEqual(before);
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/graphql+json'])(
    'of %s is taken',
    async (type) => {
      const answer = await app.send({
        method: 'POST',
        body: json({ query: QUERY }),
        headers: { 'content-type': type },
      });
      expect(answer.status).toBe(200);
      expect(answer.data).toHaveProperty('projections');
    },
  );
});

describe('an Accept header', () => {
  it.each(['text/xml', 'image/png, text/html', 'application/xml;q=0.9'])(
    'of %s is refused before a mutation takes effect',
    async (accept) => {
      const before = await logSize(app.database);
      const answer = await app.tryCommand('registerCustomer', ADA, { headers: { accept } });
      expectRequestError(answer, 'BAD_USER_INPUT');
      expect(answer.status).toBe(406);
      expect(await logSize(app.database)).toEqual(before);
    },
  );

  it.each([
    ['*/*', /^application\/(graphql-response\+)?json/],
    ['application/*', /^application\/(graphql-response\+)?json/],
    ['application/json', /^application\/json/],
    [
      'application/graphql-response+json; charset=utf-8, application/json; charset=utf-8',
      /^application\/graphql-response\+json/,
    ],
    ['text/html, application/json;q=0.5', /^application\/json/],
  ])('of %s is answered', async (accept, type) => {
    const answer = await app.query(QUERY, {}, { headers: { accept } });
    expect(answer.errors).toBeUndefined();
    expect(answer.headers.get('content-type')).toMatch(type);
  });
});

describe('a method', () => {
  const json200 = { headers: { accept: 'application/json' } };
  const get = (parameters: Record<string, string>) =>
    app.send({ method: 'GET', search: `?${new URLSearchParams(parameters)}` }, json200);

  it('GET carries queries', async () => {
    const { data, errors } = await get({
      query: 'query ($id: ID!) { product(id: $id) { id } }',
      variables: '{"id":"b6f9b0f4-4f0a-4c5e-9d8b-1f2c3d4e5f60"}',
    });
    expect(errors).toBeUndefined();
    expect(data).toEqual({ product: null });
  });

  it('GET carries no mutations', async () => {
    const before = await logSize(app.database);
    const answer = await get({ query: MUTATION });
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.status).toBe(405);
    expect(await logSize(app.database)).toEqual(before);
  });

  it.each([
    ['no query', {}],
    ['variables that are no JSON', { query: QUERY, variables: 'nonsense' }],
    ['extensions that are no JSON', { query: QUERY, extensions: '{' }],
    ['variables that are a list', { query: QUERY, variables: '[]' }],
  ])('GET with %s is refused in words', async (_, parameters) => {
    expectRequestError(await get(parameters as Record<string, string>), 'BAD_USER_INPUT');
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('%s is none that GraphQL has', async (method) => {
    const answer = await app.send({
      method,
      body: json({ query: MUTATION }),
      headers: { 'content-type': 'application/json' },
    });
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, POST');
  });
});

describe('a path', () => {
  it('may end in a slash', async () => {
    for (const path of ['/graphql/', '/graphql/?']) {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${app.url}${path}`, { method: 'POST', headers, body: json({ query: QUERY }) });
      expect(answer.status).toBe(200);
      expect(await answer.json()).toHaveProperty('data.projections');
    }
    const got = await fetch(`${app.url}/graphql/?${new URLSearchParams({ query: QUERY })}`);
    expect(await got.json()).toHaveProperty('data.projections');
  });

  it('may end in a slash for a WebSocket, if an empty operationName is none, too', async () => {
    const webSocketImpl = WebSocket;
    const client = createClient({ url: `${app.url.replace('http', 'ws')}/graphql/`, webSocketImpl, retryAttempts: 0 });
    const query = `subscription A { caughtUp(token: "${app.engine.tokens.encode(0)}", projections: ["orders"]) { projection } }`;
    const results = await Array.fromAsync(client.iterate({ query, operationName: '' }));
    expect(results).toMatchObject([{ data: { caughtUp: { projection: 'orders' } } }]);
    await client.dispose();
  });

  it.each(['/graphql//', '/graphql/x', '/graphqlx', '//graphql', '/GraphQL'])('%s is not found', async (path) => {
    expect((await fetch(`${app.url}${path}`)).status).toBe(404);
  });
});

it('has met no fault in any of this', () => {
  expect(app.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});
