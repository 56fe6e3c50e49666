import { describe, expect, it } from 'vitest';
import { staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: { ...WITH_AUTH, TRUSTED_DOCUMENTS_ONLY: 'off' }, fulfils: false });
const GRAPHQL = { accept: 'application/graphql-response+json' };
const JSON_TYPE = { accept: 'application/json' };

interface Case {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

/** Sent twice: the second time its document is known, and the answer takes another way. */
async function twice({ query, variables = {}, headers = {} }: Case, accept: Record<string, string>) {
  const answers = [];
  for (let i = 0; i < 2; i++) answers.push(await app.query(query, variables, { headers: { ...accept, ...headers } }));
  return answers;
}

describe('a request that is answered without data', () => {
  it.each<[string, Case, number, string]>([
    ['a document that is not valid', { query: '{ nothing }' }, 400, 'BAD_USER_INPUT'],
    ['a document that cannot be read', { query: '{' }, 400, 'BAD_USER_INPUT'],
    [
      'a variable of another type',
      { query: 'query ($id: ID!) { order(id: $id) { id } }', variables: { id: {} } },
      400,
      'BAD_USER_INPUT',
    ],
    ['a variable that is missing', { query: 'query ($id: ID!) { order(id: $id) { id } }' }, 400, 'BAD_USER_INPUT'],
    [
      'a token that is none',
      { query: '{ projections { name } }', headers: { 'read-after': 'nonsense' } },
      400,
      'INVALID_TOKEN',
    ],
  ])('has a status that says so for %s, if the client knows that type of answer', async (_, asked, status, code) => {
    for (const answer of await twice(asked, GRAPHQL)) {
      expect(answer.data).toBeUndefined();
      expect([answer.status, answer.code]).toEqual([status, code]);
      expect(answer.headers.get('content-type')).toContain('graphql-response+json');
    }
  });

  it('has status 200 in application/json if its document is valid, as older clients expect', async () => {
    for (const answer of await twice(
      { query: '{ projections { name } }', headers: { 'read-after': 'x' } },
      JSON_TYPE,
    )) {
      expect([answer.status, answer.code]).toEqual([200, 'INVALID_TOKEN']);
    }
  });
});

it('an answer with data has status 200 whatever its errors', async () => {
  const query = '{ projections { name } orders { edges { cursor } } }';
  for (const answer of await twice({ query }, GRAPHQL)) {
    expect(answer.data).toBeNull();
    expect([answer.status, answer.code]).toEqual([200, 'UNAUTHENTICATED']);
  }
});

describe('an answer with status 401', () => {
  it('names the scheme, and says that the token is not valid', async () => {
    for (const accept of [GRAPHQL, JSON_TYPE]) {
      const answer = await app.query('{ projections { name } }', {}, { headers: accept, token: 'no' });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="graphql", error="invalid_token"');
    }
  });
});

describe('caches', () => {
  const search = `?query=${encodeURIComponent('{ projections { name } }')}`;

  it('store no answer, and know what it depends on', async () => {
    const token = await staffToken();
    const answers = [
      await app.send({ method: 'GET', search }, { token }),
      ...(await twice({ query: '{ projections { name } }' }, GRAPHQL)),
      ...(await twice({ query: '{ nothing }' }, GRAPHQL)),
    ];
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('vary')?.split(', ')).toEqual(
        expect.arrayContaining(['accept', 'authorization', 'read-after']),
      );
    }
  });
});
