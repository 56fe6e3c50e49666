import { expect, it } from 'vitest';
import { readOperations } from '../../../../src/server/graphiql/operations.ts';
import { operations } from '../../../../src/shop/operations.ts';
import { caughtUp } from '../../../support/client/caught-up.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
type Outcome = { readonly token?: string; readonly code?: string } | null;

it('the documents of GraphiQL that need nothing filled in are accepted one after the other, as they stand', async () => {
  const played = readOperations(operations).filter(
    ({ query, variables }) => !/^subscription/m.test(query) && !variables?.includes('copy the'),
  );
  expect(played.length).toBeGreaterThan(15);
  for (const { name, query, variables } of played) {
    const answer = await app.query<Record<string, Outcome>>(query, JSON.parse(variables ?? '{}'));
    expect(answer.errors, `${name}: ${answer.text}`).toBeUndefined();
    for (const outcome of Object.values(answer.data)) {
      expect(outcome, `${name}: ${answer.text}`).not.toBeNull();
      expect(outcome, name).not.toHaveProperty('code');
      if (outcome?.token) await caughtUp(app, outcome.token);
    }
  }
});
