import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../support/client/http-client.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ per: 'test' });
/** Personal data that no log and no other answer may hold. */
const SECRET = { name: 'Xanthippe Quirk', email: 'xanthippe@quirk.example' };

/** Entries of the log of this level, with what they say of the error. */
const logged = (level: string) =>
  app.log
    .map(
      (line) =>
        JSON.parse(line) as {
          level: string;
          msg: string;
          correlationId?: string;
          err?: { message: string; stack: string; code: string };
        },
    )
    .filter((entry) => entry.level === level);

function expectNoSecrets(...texts: string[]): void {
  for (const text of texts) {
    expect(text).not.toMatch(/xanthippe/i);
    expect(text).not.toMatch(/quirk/i);
    expect(text).not.toContain('params:');
  }
}

function expectMasked(answer: Answer<unknown>, correlationId: string): void {
  expect(answer.errors).toHaveLength(1);
  const [error] = answer.errors ?? [];
  expect(error?.message).toBe('Something went wrong on our side.');
  expect(error?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', correlationId });
  expect(answer.text).not.toMatch(/failed query|postgres|carrier|node_modules/i);
}

describe('a fault', () => {
  it('of a query is masked, and logged under the request’s correlation id without the values it was about', async () => {
    await app.database.sql`alter table read.orders_v3 rename column carrier to lost`;
    const headers = { 'x-correlation-id': 'my-request' };
    const query = 'query ($search: String!) { orders(filter: { search: $search }) { edges { node { carrier } } } }';
    const answer = await app.query(query, { search: SECRET.email }, { headers });
    expectMasked(answer, 'my-request');
    const entries = logged('error');
    expect(entries).toMatchObject([{ msg: 'a request failed', correlationId: 'my-request', err: { code: '42703' } }]);
    expect(entries[0]?.err?.message).toMatch(/Failed query: select .*"carrier".*: column "carrier" does not exist/s);
    expect(entries[0]?.err?.stack).toMatch(/\n\s+at .*\ncaused by: PostgresError: column "carrier" does not exist\n/s);
    expectNoSecrets(app.log.join(''));
  });

  it('of one field leaves the others their answers', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    await app.query(`query @readAfter(token: "${token}") { customer(id: "${id}") { name } }`);
    await app.database.sql`alter table read.products_v2 rename column name to lost`;
    const query = `{ customer(id: "${id}") { name } product(id: "${id}") { name } }`;
    const answer = await app.query(query, {}, { headers: { 'x-correlation-id': 'half' } });
    expectMasked(answer, 'half');
    expect(answer.data).toEqual({ customer: { name: 'Ada' }, product: null });
    expect(answer.errors?.[0]?.path).toEqual(['product']);
  });

  it('of a command is masked, and logged without its input', async () => {
    await app.database.sql`alter table es.streams rename column occurred_at to lost`;
    const answer = await app.tryCommand('registerCustomer', SECRET, { headers: { 'x-correlation-id': 'lost' } });
    expectMasked(answer, 'lost');
    expect(logged('error')).toMatchObject([{ msg: 'a request failed', correlationId: 'lost' }]);
    expectNoSecrets(app.log.join(''), answer.text);
  });

  it('of a projection is logged without the rows that it was writing', async () => {
    await app.database.sql`alter table read.customers_v2 rename column email to lost`;
    await registerCustomer(app, SECRET);
    await until(() => logged('error').length > 0);
    const [entry] = logged('error');
    expect(entry).toMatchObject({ msg: 'the engine met a fault and goes on', projection: 'customers' });
    await app.database.sql`alter table read.customers_v2 rename column lost to email`;
    expectNoSecrets(app.log.join(''));
    // It continues from the same position.
    const answer = await app.query('{ projections { name state lag } }');
    expect(answer.errors).toBeUndefined();
    await until(async () => {
      const { data } = await app.query<{ projections: { lag: number }[] }>('{ projections { lag } }');
      return data.projections.every(({ lag }) => lag === 0);
    });
  });
});

describe('a fault in development', () => {
  const own = useApp({ env: { NODE_ENV: 'development' }, per: 'test' });

  it('is shown to the author of the resolver with its stack, and without the values that it was about', async () => {
    await own.database.sql`alter table read.orders_v3 rename column carrier to lost`;
    const query = 'query ($search: String!) { orders(filter: { search: $search }) { edges { node { carrier } } } }';
    const { errors, text } = await own.query(query, { search: SECRET.email });
    const fault = errors?.[0]?.extensions.fault;
    expect(fault).toMatchObject({ message: expect.stringMatching(/column "carrier" does not exist$/) });
    expect(JSON.stringify(fault)).toContain('graphql/read/pages/page.ts');
    expectNoSecrets(text);
  });
});
