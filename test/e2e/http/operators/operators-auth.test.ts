import { describe, expect, it } from 'vitest';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: WITH_AUTH });

const OPERATIONS = [
  '{ deadLetters { pageInfo { hasNextPage } } }',
  'mutation { retryDeadLetters(projection: "orders", key: "Order/x") { __typename } }',
  'mutation { eraseSubject(subject: "customer/x", reason: "a test") { __typename } }',
  'mutation { discardDeadLetter(projection: "orders", key: "Order/x", position: 1) { __typename } }',
];

describe.each(OPERATIONS)('%s', (query) => {
  it('is for admins', async () => {
    expect(await app.query(query)).toMatchObject({ code: 'UNAUTHENTICATED' });
    for (const token of [await staffToken(), await customerToken('00000000-0000-7000-8000-000000000001')]) {
      expect(await app.query(query, {}, { token })).toMatchObject({ code: 'FORBIDDEN' });
    }
    expect((await app.query(query, {}, { token: await accessToken('root', ['admin']) })).errors).toBeUndefined();
  });
});
