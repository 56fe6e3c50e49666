import { beforeAll, describe, expect, it } from 'vitest';
import { accepted, openShop, placeOrder, registerCustomer, type Shop } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: WITH_AUTH, fulfils: false });

interface List {
  readonly edges: readonly { readonly cursor: string; readonly node: unknown }[];
  readonly nodes: readonly unknown[];
  readonly totalCount: number;
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

let staff: string;
let shop: Shop;
let accountId: string;
let readAfter: string;

beforeAll(async () => {
  staff = await staffToken();
  const as = { token: staff };
  shop = await openShop(app, as);
  const other = { ...shop, customerId: (await registerCustomer(app, { name: 'Bob' }, as)).aggregateId };
  for (let nth = 0; nth < 5; nth++) await placeOrder(app, nth < 3 ? shop : other, {}, as);
  for (let nth = 0; nth < 4; nth++) await accepted(app, 'createNote', { title: `Note ${nth}`, content: '' }, as);
  const account = await accepted(app, 'openAccount', { owner: shop.customerId, currency: 'GBP' }, as);
  accountId = account.aggregateId;
  for (let amount = 1; amount <= 5; amount++) {
    await accepted(app, 'deposit', { accountId, amount: { amount, currency: 'GBP' } }, as);
  }
  const author = await accepted(app, 'registerAuthor', { displayName: 'Grace' }, as);
  const authorId = author.aggregateId;
  for (let nth = 0; nth < 4; nth++) {
    const last = await accepted(
      app,
      'publishArticle',
      { authorId, title: `Article ${nth}`, body: 'Text', tags: [] },
      as,
    );
    readAfter = last.token;
  }
});

/** Reads a connection, possibly within other fields. */
async function read(field: string, selection: string, args: object, token = staff): Promise<List> {
  const variables = Object.entries(args).filter(([, value]) => value != null);
  const given = variables.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ');
  const list = `(${given || 'first: null'}) {
    edges { cursor node { ${selection} } } nodes { ${selection} } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`;
  const document = field.includes('*') ? field.replace('*', list) : `${field}${list}`;
  const answer = await app.query(`{ ${document} }`, {}, { token, headers: { 'read-after': readAfter } });
  expect(answer.errors, answer.text).toBeUndefined();
  let found: unknown = answer.data;
  while (!(found as List).edges) found = Object.values(found as object)[0];
  return found as List;
}

const elementsOf = ({ edges }: List) => edges.map(({ node }) => node);

describe.each([
  ['orders', () => 'orders', 'id', 5],
  ['the orders of a customer', () => `customer(id: "${shop.customerId}") { orders* }`, 'id', 3],
  ['notes', () => 'notes', 'id', 4],
  ['the entries of an account', () => `account(id: "${accountId}") { entries* }`, 'version', 5],
  ['cards of articles', () => 'articleCards', 'articleId', 4],
  ['the audit trail', () => 'auditTrail', 'aggregateId version', 24],
])('the list of %s', (_, fieldOf, selection, length) => {
  it('has every element once, in one order, page by page forwards and backwards', async () => {
    const all = await read(fieldOf(), selection, { first: 100 });
    expect(all.edges).toHaveLength(length);
    for (const size of [1, 3]) {
      const forwards: unknown[] = [];
      for (let after: string | null = null, more = true; more; ) {
        const page: List = await read(fieldOf(), selection, { first: size, after });
        expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
        forwards.push(...elementsOf(page));
        ({ endCursor: after, hasNextPage: more } = page.pageInfo);
      }
      expect(forwards).toEqual(elementsOf(all));
      const backwards: unknown[] = [];
      for (let before: string | null = null, more = true; more; ) {
        const page: List = await read(fieldOf(), selection, { last: size, before });
        expect(page.pageInfo.hasNextPage).toBe(before !== null);
        backwards.unshift(...elementsOf(page));
        ({ startCursor: before, hasPreviousPage: more } = page.pageInfo);
      }
      expect(backwards).toEqual(elementsOf(all));
    }
  });

  it('shows the same elements as nodes, and on every page how many there are in all', async () => {
    const { pageInfo } = await read(fieldOf(), selection, { first: 1 });
    for (const args of [{}, { first: 2, after: pageInfo.endCursor }, { last: 2 }, { first: 0 }]) {
      const page = await read(fieldOf(), selection, args);
      expect(page.nodes).toEqual(elementsOf(page));
      expect(page.totalCount).toBe(length);
    }
  });
});

describe('the number of elements in all', () => {
  it('counts what the filter lets through', async () => {
    const filter = `filter: { customerId: "${shop.customerId}" }`;
    const answer = await app.query(
      `{ orders(first: 1, ${filter}) { totalCount } none: orders(filter: { search: "nothing" }) { totalCount } }`,
      {},
      { token: staff },
    );
    expect(answer.data).toEqual({ orders: { totalCount: 3 }, none: { totalCount: 0 } });
  });

  it('counts nothing that the reader may not see', async () => {
    expect(await read('orders', 'id', {}, await customerToken(shop.customerId))).toMatchObject({ totalCount: 3 });
    expect(await read('orders', 'id', {}, await customerToken(accountId))).toMatchObject({ totalCount: 0 });
    expect(await read('notes', 'id', {}, await customerToken(shop.customerId))).toMatchObject({ totalCount: 0 });
  });

  it('is that of each list if many are read together', async () => {
    const answer = await app.query<{
      orders: { nodes: { customer: { name: string; orders: { totalCount: number } } }[] };
    }>('{ orders { nodes { customer { name orders(first: 1) { totalCount } } } } }', {}, { token: staff });
    const counts = answer.data.orders.nodes.map(({ customer }) => [customer.name, customer.orders.totalCount]);
    expect(counts).toHaveLength(5);
    expect(new Map(counts as [string, number][])).toEqual(
      new Map([
        ['Ada', 3],
        ['Bob', 2],
      ]),
    );
  });
});

it('between two cursors, a page has elements on both sides', async () => {
  const all = await read('orders', 'id', {});
  const [after, before] = [all.edges[0]?.cursor, all.edges[4]?.cursor];
  const between = await read('orders', 'id', { after, before });
  expect(between.nodes).toEqual(all.nodes.slice(1, 4));
  expect(between.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
});
