import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestApp } from '../../../src/testing/test-app.ts';
import { openTenants } from '../../support/tenants/tenants.ts';

const customerOf = (tenant: string, id: string) => ({ id, roles: ['customer'] as const, tenant });
const LARGE = '{ notes(first: 40) { edges { node { content } } } }';

describe('an actor of a tenant who asks for several large answers at once', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openTenants('database', { OPERATIONS_PER_ACTOR: '300', LARGE_OPERATIONS_AT_ONCE_PER_ACTOR: '1' });
  });
  afterAll(() => app?.close());

  const ask = async (id: string) => {
    const actor = app.as(customerOf('acme', id));
    const content = 'x'.repeat(90_000);
    for (let nth = 0; nth < 10; nth++) await actor.accepted('createNote', { title: 'Long', content });
    return async () => {
      const answers = await Promise.all(Array.from({ length: 5 }, () => actor.query(LARGE, {})));
      return answers.map(({ status }) => status).sort();
    };
  };

  it('has them at the same time if nobody else is there, one after the other if actors of another tenant are', async () => {
    expect(await (await ask('ada'))()).toEqual([200, 200, 200, 200, 200]);
    const askAgain = await ask('grace');
    const bob = app.as(customerOf('globex', 'bob'));
    // The first time, the tenant's database is created, which may take longer than somebody counts as present.
    for (const _ of ['first', 'again']) await bob.query('{ __typename }');
    expect(await askAgain()).toEqual([200, 429, 429, 429, 429]);
  });
});
