import { getTableName } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import shop from '../../../../src/app.ts';
import { customers } from '../../../../src/domains/customers/index.ts';
import type { Api } from '../../../../src/graphql/api.ts';
import { createTestApp } from '../../../../src/testing/create-test-app.ts';
import type { TestApp } from '../../../../src/testing/test-app.ts';

const ID = '00000000-0000-7000-8000-000000000001';
/** Ways in which a resolver can read customers although its field does not declare them. */
const WAYS = ['byKey', 'page', 'ownQuery', 'ownStatement'] as const;

function careless({ builder }: Api): void {
  for (const way of WAYS) {
    builder.queryField(way, (t) =>
      t.boolean({
        description: 'Reads customers.',
        resolve: async (_, __, { rows }) => {
          const { table } = customers;
          if (way === 'byKey') await rows.byKey(customers, ID);
          if (way === 'page') await rows.page(customers, { args: { first: 1 }, sortBy: table.name, direction: 'asc' });
          if (way === 'ownQuery') await rows.db.select({ name: table.name }).from(table).limit(1);
          if (way === 'ownStatement') await rows.db.execute(`select 1 from "read"."${getTableName(table)}"`);
          return true;
        },
      }),
    );
  }
}

let app: TestApp;
beforeAll(async () => {
  const domain = { name: 'careless', aggregates: [], commands: [], projections: [], graphql: careless };
  const careful = { ...domain, name: 'careful', graphql: declared };
  app = await createTestApp(
    { ...shop, domains: [...shop.domains, domain, careful] },
    { env: { TEST_DATABASE_URL: inject('serverUrl') } },
  );
});
afterAll(() => app?.close());

function declared(api: Api): void {
  api.builder.queryField('declared', (t) =>
    t.boolean({
      description: 'Reads customers, and says so.',
      extensions: api.readsFrom(customers),
      resolve: async (_, __, { rows }) => {
        const { name } = customers.table;
        await rows.db.select({ name }).from(customers.table).limit(1);
        return (await rows.byKey(customers, ID)) === null;
      },
    }),
  );
}

describe('a resolver that reads from a read model that its field does not declare', () => {
  it.each(WAYS)('fails and says what to write, whichever way it reads: %s', async (way) => {
    const { errors } = await app.as('root', 'admin').query(`{ ${way} }`);
    expect(JSON.stringify(errors)).toContain('Give the field extensions: api.readsFrom(customers).');
    expect(app.log.join('')).toContain('READ_UNDECLARED');
  });

  it('reads if its field, or another field of the operation, declares it', async () => {
    expect((await app.as('root', 'admin').query('{ declared }')).data).toEqual({ declared: true });
    const both = await app.as('root', 'admin').query(`{ ownQuery customer(id: "${ID}") { name } }`);
    expect(both.data).toEqual({ ownQuery: true, customer: null });
  });
});
