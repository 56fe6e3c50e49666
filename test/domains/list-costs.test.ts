import { drizzle } from 'drizzle-orm/postgres-js';
import { parse } from 'graphql';
import { expect, it } from 'vitest';
import type { Database } from '../../src/database/client.ts';
import { domains } from '../../src/domains/index.ts';
import { AnswerBudget } from '../../src/graphql/answer/budget.ts';
import { execute } from '../../src/graphql/execution/execute.ts';
import { schemaOf } from '../../src/graphql/index.ts';
import { ReadModels } from '../../src/graphql/read/read-models.ts';
import { Rows } from '../../src/graphql/read/rows.ts';
import type { Actor } from '../../src/kernel/define/access/actor.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { connect, useDatabase } from '../support/postgres/database.ts';
import { customer, STAFF } from './fixtures.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, domains);
const ROWS = 100_000;
/** Most pages of 8 kB that a page of 20 may touch: a row may lie on a page of its own, and each index has four levels. */
const MOST_BLOCKS = 60;

/** An id with this number in it: `…-000000000007` for 7. */
const idOf = (nth: string) => `('00000000-0000-7000-8000-' || lpad((${nth})::text, 12, '0'))::uuid`;
const id = (nth: number) => `00000000-0000-7000-8000-${String(nth).padStart(12, '0')}`;
const at = "timestamptz '2024-01-01' + n * interval '1 minute'";

/** Rows in an order that has nothing to do with the one in which they are listed. */
const FILL = [
  `insert into read.customers_v2 (id, name, email, registered_at, version, sort_name, search_text, last_position)
   select ${idOf('n')}, 'Customer ' || md5(n::text), n || '@example.org', ${at}, 1, 'customer ' || md5(n::text), 'customer ' || md5(n::text) || E'\\n' || n || '@example.org', n
   from generate_series(1, ${ROWS}) n`,
  `insert into read.products_v2 (id, sku, name, price, currency, stock, in_stock, reserved, version, sort_name, search_text, last_position)
   select ${idOf('n')}, 'SKU-' || n, 'Product', hashint4(n)::bigint + 2147483648, case n % 2 when 0 then 'GBP' else 'EUR' end,
          (n % 1000 = 0)::int, n % 1000 = 0, 0, 1, 'product ' || md5(n::text), 'sku-' || n || E'\\nproduct ' || md5(n::text), n
   from generate_series(1, ${ROWS}) n`,
  `insert into read.accounts_v1 (id, owner, balance, currency, opened_at, version, last_position)
   select ${idOf('n')}, ${idOf('n % 50')}::text, n, case n % 500 when 0 then 'EUR' else 'GBP' end, ${at}, 1, n
   from generate_series(1, ${ROWS}) n`,
  `insert into read.transfers_v2 (id, state, amount, currency, from_account_id, to_account_id, owner, requested_at, last_position)
   select ${idOf('n')}, case n % 1000 when 0 then 'FAILED' when 1 then 'DEBITED' else 'COMPLETED' end, n, 'GBP', ${idOf('case when n <= 3000 then 60 else n % 50 end')}, ${idOf('(n / 50) % 50')}, ${idOf('n % 50')}::text, ${at}, n
   from generate_series(1, ${ROWS}) n`,
  `insert into read.authors_v1 (id, display_name, version, sort_name, search_text, last_position)
   select ${idOf('n')}, 'Author', 1, 'author ' || md5(n::text), 'author ' || md5(n::text), n from generate_series(1, ${ROWS}) n`,
  `insert into read.articles_v1 (id, title, body, tags, author_id, published_at, version, last_position)
   select ${idOf('7')}, 'Looms', 'They weave.', '[]', ${idOf('1')}, now(), 1, 1`,
  `insert into read.comments_v1 (id, article_id, body, posted_at, version, last_position)
   select ${idOf('n')}, ${idOf('n % 10')}, 'Well woven.', ${at}, n, n from generate_series(1, ${ROWS}) n`,
];

/** Each list as it is filtered and sorted; 20 elements are read from its beginning, its middle and its end. */
const LISTS: readonly (readonly [field: string, args: string, reader?: Actor])[] = [
  ['customers', ''],
  ['customers', 'sort: REGISTERED_AT_DESC'],
  ['customers', 'filter: { search: "customer example" }'],
  ['products', ''],
  ['products', 'sort: PRICE_ASC'],
  ['products', 'sort: PRICE_DESC'],
  ['products', 'filter: { inStock: true }'],
  ['products', 'sort: PRICE_DESC, filter: { inStock: true }'],
  ['products', 'filter: { inStock: false }'],
  ['products', 'sort: PRICE_ASC, filter: { priceFrom: { amount: 1000000, currency: "GBP" } }'],
  ['accounts', ''],
  ['accounts', `filter: { owner: "${id(7)}" }`],
  ['accounts', 'filter: { currency: "EUR" }'],
  ['accounts', '', customer(id(7))],
  ['transfers', ''],
  ['transfers', 'filter: { state: [FAILED] }'],
  ['transfers', 'filter: { state: [FAILED, DEBITED] }'],
  ['transfers', `filter: { accountId: "${id(7)}" }`],
  // This account has moved nothing for long: all of its transfers are among the oldest ones.
  ['transfers', `filter: { accountId: "${id(60)}" }`],
  ['transfers', '', customer(id(7))],
  ['authors', ''],
  [`article(id: "${id(7)}") { comments`, ''],
];

it('a page of a list of 100,000 costs what one of a short list costs, from its beginning to its end', async () => {
  const engine = await openEngine({ start: true });
  for (const statement of FILL) await database.sql.unsafe(statement);
  await database.sql`vacuum analyze`;
  const schema = schemaOf({ domains });
  const statements: { readonly query: string; readonly params: unknown[] }[] = [];
  const client = connect(database.url, 1);
  const db = drizzle({
    client,
    logger: { logQuery: (query, params) => statements.push({ query, params: [...params] }) },
  }) as unknown as Database;

  /** Reads a page; answers its cursors, and how many blocks its dearest statement touched. */
  const read = async (field: string, args: string, actor: Actor) => {
    statements.length = 0;
    const query = `{ ${field}(${args}) { edges { node { id } } pageInfo { startCursor endCursor } } ${field.includes('{') ? '}' : ''} }`;
    const rows = new Rows(new ReadModels(db), actor);
    const budget = new AnswerBudget({ answerBytes: 1e7, readBytes: 1e7 });
    const contextValue = { rows, budget };
    const { data, errors } = await execute({ schema, document: parse(query), contextValue });
    expect(errors, query).toBeUndefined();
    let page = data as Record<string, unknown>;
    while (!page.pageInfo) page = Object.values(page)[0] as Record<string, unknown>;
    let blocks = 0;
    for (const { query: text, params } of [...statements]) {
      const [row] = await database.sql.unsafe(`explain (analyze, buffers, format json) ${text}`, params as string[]);
      const { Plan: plan } = (row as unknown as { 'QUERY PLAN': [{ Plan: Record<string, number> }] })['QUERY PLAN'][0];
      blocks = Math.max(blocks, (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0));
    }
    const { startCursor, endCursor } = page.pageInfo as Record<string, string>;
    return { startCursor, endCursor, blocks, length: (page.edges as unknown[]).length };
  };
  const costs: [list: string, blocks: number[]][] = [];
  for (const [field, args, actor = STAFF] of LISTS) {
    const first = await read(field, `${args} first: 20`, actor);
    expect(first.length, `${field} ${args}`).toBe(20);
    const second = await read(field, `${args} first: 20, after: "${first.endCursor}"`, actor);
    const last = await read(field, `${args} last: 20`, actor);
    const before = await read(field, `${args} last: 20, before: "${last.startCursor}"`, actor);
    costs.push([`${field}(${args})`, [first, second, before, last].map(({ blocks }) => blocks)]);
  }
  await client.end();
  expect(costs.filter(([, blocks]) => blocks.some((count) => count > MOST_BLOCKS))).toEqual([]);
  expect(engine.faults).toEqual([]);
});
