import { describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const QUERY = 'query Names { projections { name } }';
const extensions = {
  persistedQuery: { version: 1, sha256Hash: 'ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38' },
};
const ACCEPTS = ['application/json', 'application/graphql-response+json, application/json', '*/*'];

describe('a hash in place of a query', () => {
  // To clients that means: send the query itself, and no more hashes.
  const notSupported = [
    { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } },
  ];

  it.each(ACCEPTS)('is answered so that clients send the query (accept: %s)', async (accept) => {
    for (const body of [
      { extensions },
      { query: null, extensions },
      { query: '', operationName: 'Names', extensions },
    ]) {
      const posted = await app.post(JSON.stringify(body), { headers: { accept } });
      expect([posted.status, posted.errors]).toEqual([200, notSupported]);
    }
    const search = `?${new URLSearchParams({ operationName: 'Names', extensions: JSON.stringify(extensions) })}`;
    const got = await app.send({ method: 'GET', search }, { headers: { accept } });
    expect([got.status, got.errors]).toEqual([200, notSupported]);
    expect(got.headers.get('cache-control')).toBe('no-store');
  });

  it('is no matter if the query is there too', async () => {
    const answer = await app.post(JSON.stringify({ query: QUERY, extensions }));
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toHaveProperty('projections');
  });

  it.each([{}, { persistedQuery: null }, { persistedQuery: 'hash' }])(
    'is none in the extensions %j',
    async (others) => {
      expectRequestError(await app.post(JSON.stringify({ extensions: others })), 'BAD_USER_INPUT');
    },
  );
});
