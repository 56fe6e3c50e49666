import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted, openShop, placeOrder, unknownId } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: WITH_AUTH, fulfils: false });

let ada: string;
let staff: string;
let readAfter: string;
/** The nodes of each type, by the type's name. */
const ids: Record<string, string> = {};

beforeAll(async () => {
  staff = await staffToken();
  const as = { token: staff };
  const shop = await openShop(app, as);
  ada = await customerToken(shop.customerId);
  ids.Customer = shop.customerId;
  ids.Product = shop.productId;
  ids.Order = (await placeOrder(app, shop, {}, as)).aggregateId;
  const open = async (owner: string) =>
    (await accepted(app, 'openAccount', { owner, currency: 'GBP' }, as)).aggregateId;
  ids.Account = await open(shop.customerId);
  const [fromAccountId, toAccountId] = [ids.Account, await open('bank')];
  const amount = { amount: 100, currency: 'GBP' };
  ids.Transfer = (await accepted(app, 'transfer', { fromAccountId, toAccountId, amount }, as)).aggregateId;
  const author = await accepted(app, 'registerAuthor', { displayName: 'Grace' }, as);
  ids.Author = author.aggregateId;
  const article = { authorId: ids.Author, title: 'Public', body: 'Text' };
  ids.Article = (await accepted(app, 'publishArticle', article, as)).aggregateId;
  const note = await accepted(app, 'createNote', { title: 'Of the staff', content: '' }, as);
  ids.Note = note.aggregateId;
  readAfter = note.token;
});

type Node = { readonly __typename: string; readonly id: string } | null;
const read = (query: string, token: string | undefined, variables: object = {}) =>
  app.query<{ node: Node; nodes: readonly Node[] }>(
    query,
    { ...variables },
    { token, headers: { 'read-after': readAfter } },
  );
const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
const nodes = async (of: readonly string[], token?: string) => (await read(NODES, token, { ids: of })).data.nodes;

describe('node', () => {
  it('finds whatever has an id, with its type and the fields of that type', async () => {
    for (const [type, id] of Object.entries(ids)) {
      const { data } = await read('query ($id: ID!) { node(id: $id) { __typename id } }', staff, { id });
      expect(data.node).toEqual({ __typename: type, id });
    }
    const fragments = '... on Customer { name } ... on Product { sku } ... on Order { customer { name } }';
    const { data } = await read(`query ($id: ID!) { node(id: $id) { ${fragments} } }`, staff, { id: ids.Order });
    expect(data.node).toEqual({ customer: { name: 'Ada' } });
  });

  it('finds an id in upper case too, and shows it as it is stored', async () => {
    const { data } = await read(`{ node(id: "${ids.Order?.toUpperCase()}") { id } }`, staff);
    expect(data.node).toEqual({ id: ids.Order });
  });

  it('can be paged in, as Relay does with the list of a row', async () => {
    const query =
      'query ($id: ID!) { node(id: $id) { ... on Customer { orders(last: 1) { totalCount nodes { id } } } } }';
    const { data } = await read(query, staff, { id: ids.Customer });
    expect(data.node).toEqual({ orders: { totalCount: 1, nodes: [{ id: ids.Order }] } });
  });

  it('reads its own writes: it waits for the read models of all types', async () => {
    const shop = { customerId: ids.Customer ?? '', productId: ids.Product ?? '' };
    for (let nth = 0; nth < 10; nth++) {
      const order = await placeOrder(app, shop, {}, { token: staff });
      const { data } = await app.query(
        'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { node(id: $id) { id } }',
        { id: order.aggregateId, token: order.token },
        { token: staff },
      );
      expect(data.node).toEqual({ id: order.aggregateId });
    }
  });

  it('is null in the same way for what somebody may not see and for what does not exist', async () => {
    const foreign = await customerToken(unknownId());
    for (const token of [foreign, undefined]) {
      for (const id of [ids.Order, ids.Note, ids.Customer, ids.Account, ids.Transfer, unknownId()]) {
        const answer = await read(`{ node(id: "${id}") { __typename id } }`, token);
        expect(answer.errors, answer.text).toBeUndefined();
        expect(answer.data.node).toBeNull();
      }
      const { data } = await read(`{ node(id: "${ids.Product}") { id } }`, token);
      expect(data.node).toEqual({ id: ids.Product });
    }
    const { data } = await read(`{ node(id: "${ids.Order}") { id } }`, ada);
    expect(data.node).toEqual({ id: ids.Order });
  });

  it('is the first that somebody may see if a person is several things under one id', async () => {
    const id = unknownId();
    const her = await customerToken(id);
    await accepted(app, 'registerCustomer', { id, name: 'Cleo', email: 'cleo@example.org' }, { token: her });
    readAfter = (await accepted(app, 'registerAuthor', { id, displayName: 'Cleo' }, { token: her })).token;
    const query = `{ node(id: "${id}") { __typename id } }`;
    const nodeFor = async (token?: string) => (await read(query, token)).data.node?.__typename;
    expect([await nodeFor(staff), await nodeFor(her), await nodeFor(ada)]).toEqual(['Customer', 'Customer', 'Author']);
  });

  it('is the one whose type the selection names if a person is several things under one id', async () => {
    const id = unknownId();
    const her = await customerToken(id);
    await accepted(app, 'registerCustomer', { id, name: 'Cleo', email: 'cleo@example.org' }, { token: her });
    readAfter = (await accepted(app, 'registerAuthor', { id, displayName: 'Dr Cleo' }, { token: her })).token;
    const named = async (selection: string, more = '') =>
      (await read(`{ node(id: "${id}") { __typename ${selection} } } ${more}`, her)).data.node;
    const author = { __typename: 'Author', displayName: 'Dr Cleo' };
    expect([
      await named('... on Author { displayName }'),
      await named('...Fields', 'fragment Fields on Node { ...OfAuthor } fragment OfAuthor on Author { displayName }'),
      await named('... on Author { displayName } ... on Customer { name }'),
      await named('... on Order { status }'),
    ]).toEqual([author, author, { __typename: 'Customer', name: 'Cleo' }, { __typename: 'Customer' }]);
    const both = `{ nodes(ids: ["${id}", "${ids.Order}"]) { __typename ... on Author { displayName } } }`;
    expect((await read(both, staff)).data.nodes).toEqual([author, { __typename: 'Order' }]);
  });

  it('refuses what is not an id', async () => {
    expectRequestError(await read('{ node(id: "order 1") { id } }', staff), 'BAD_USER_INPUT');
  });
});

describe('nodes', () => {
  it('are in the order of the ids, null for each that there is not or that the reader may not see', async () => {
    const unknown = unknownId();
    const { Order = '', Note = '', Product = '', Customer = '' } = ids;
    const asked = [Note, unknown, Product, Order, Customer, Product];
    const product = { __typename: 'Product', id: Product };
    const [order, customer] = [
      { __typename: 'Order', id: Order },
      { __typename: 'Customer', id: Customer },
    ];
    const note = { __typename: 'Note', id: Note };
    expect(await nodes(asked, staff)).toEqual([note, null, product, order, customer, product]);
    expect(await nodes(asked, ada)).toEqual([null, null, product, order, customer, product]);
    expect(await nodes(asked)).toEqual([null, null, product, null, null, product]);
    expect(await nodes([], staff)).toEqual([]);
  });

  it('that cannot be ids are errors of their own places', async () => {
    const answer = await read(NODES, staff, { ids: [ids.Order, 'order 1', ids.Note] });
    expect(answer.data.nodes.map((node) => node?.__typename)).toEqual(['Order', undefined, 'Note']);
    expect(answer.errors).toMatchObject([{ path: ['nodes', 1], extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('are at most a hundred', async () => {
    const hundred = Array.from({ length: 100 }, unknownId);
    expect(await nodes(hundred, staff)).toEqual(hundred.map(() => null));
    const answer = await read(NODES, staff, { ids: [...hundred, unknownId()] });
    expectRequestError(answer, 'BAD_USER_INPUT');
    expect(answer.errors?.[0]?.message).toBe('`ids` has 101 ids; at most 100 are allowed.');
  });
});

describe('me', () => {
  it('is who is asking, with their roles', async () => {
    expect((await read('{ me { id roles } }', ada)).data).toEqual({ me: { id: ids.Customer, roles: ['customer'] } });
    expect((await read('{ me { id roles } }', staff)).data).toEqual({ me: { id: 'clerk', roles: ['staff'] } });
  });

  it('is null if nobody is signed in', async () => {
    expect((await read('{ me { id roles } }', undefined)).data).toEqual({ me: null });
  });
});
