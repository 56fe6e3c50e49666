import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { readOperations } from '../../../../src/server/graphiql/operations.ts';
import { Placeholders } from '../../../../src/server/graphiql/placeholders.js';
import { operations } from '../../../../src/shop/operations.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const open = useTransports(app);
type Outcome = { readonly code?: string } | null;

it('the documents of GraphiQL are answered without an error, one after the other, and once more', async () => {
  const placeholders = new Placeholders({}, randomUUID);
  for (const round of [1, 2]) {
    for (const { name, query, variables: template } of readOperations(operations)) {
      const what = `${name}, round ${round}`;
      const variables = placeholders.fill(JSON.parse(template ?? '{}'));
      if (/^subscription/m.test(query)) {
        const feed = open('WebSocket').subscribe(query, variables);
        expect((await feed.next()).errors, what).toBeUndefined();
        feed.stop();
        continue;
      }
      const answer = await app.query<Record<string, Outcome>>(query, variables);
      expect(answer.errors, `${what}: ${answer.text}`).toBeUndefined();
      for (const outcome of Object.values(answer.data)) {
        expect(outcome, `${what}: ${answer.text}`).not.toBeNull();
        expect(outcome, what).not.toHaveProperty('code');
      }
      if (/^mutation/m.test(query)) placeholders.sawToken(answer.consistency.token);
    }
  }
});
