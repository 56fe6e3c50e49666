import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted, registerCustomer } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';
import { readAll, readPage } from './list.ts';

const app = useApp({ env: WITH_AUTH });
const CUSTOMERS = { field: 'customers', variables: '$filter: CustomerFilter $sort: CustomerSort', shows: 'name' };

let staff: string;
let after: string;
const ids: string[] = [];
beforeAll(async () => {
  staff = await staffToken();
  const people = [
    ['émile Zola', 'nana@example.org'],
    ['Zoe 100%_z', 'zoe@example.org'],
    ['ada', 'second@example.net'],
    ['Ada', 'countess@example.org'],
    ['Émile Borel', 'sets@example.net'],
  ];
  for (const [name, email] of people) {
    const receipt = await registerCustomer(app, { name, email }, { token: staff });
    ids.push(receipt.aggregateId);
    after = receipt.token;
  }
});
const list = (values: object, token = staff) => readAll(app, CUSTOMERS, { ...values }, { after, token });
const asRegistered = ['émile Zola', 'Zoe 100%_z', 'ada', 'Ada', 'Émile Borel'];

describe('a list of customers', () => {
  it('is sorted by name without regard to case and accents, and equal names by id', async () => {
    const byId = ids[2]! < ids[3]! ? ['ada', 'Ada'] : ['Ada', 'ada'];
    const byName = [...byId, 'Émile Borel', 'émile Zola', 'Zoe 100%_z'];
    expect(await list({})).toEqual(byName);
    expect(await list({ sort: 'NAME_ASC', filter: null })).toEqual(byName);
  });

  it('can begin with whoever was registered last', async () => {
    expect(await list({ sort: 'REGISTERED_AT_DESC' })).toEqual(asRegistered.toReversed());
  });

  it.each([
    ['a part of a name, in any case and without its accent', 'EMIL', ['Émile Borel', 'émile Zola']],
    ['the e-mail address', 'countess@', ['Ada']],
    ['all of its words, in any order', '  example.net  emile ', ['Émile Borel']],
    ['words that are not all in one customer', 'zoe emile', []],
    ['a per cent sign and an underscore as they stand', '0%_z', ['Zoe 100%_z']],
    ['a pattern that is none', 'a%a', []],
    ['everybody if it is blank', ' ', null],
  ])('finds %s', async (_, search, expected) => {
    expect(await list({ filter: { search } })).toEqual(expected ?? (await list({})));
  });

  it('neither repeats nor loses anybody if somebody who was not shown yet is renamed', async () => {
    const first = await readPage(app, CUSTOMERS, { first: 2 }, { after, token: staff });
    const renamed = await accepted(app, 'renameCustomer', { customerId: ids[1], name: 'Yves' }, { token: staff });
    const rest = await readPage(
      app,
      CUSTOMERS,
      { first: 9, after: first.pageInfo.endCursor },
      { after: renamed.token, token: staff },
    );
    expect(rest.edges.map(({ node }) => node.name)).toEqual(['Émile Borel', 'émile Zola', 'Yves']);
    const back = await accepted(app, 'renameCustomer', { customerId: ids[1], name: 'Zoe 100%_z' }, { token: staff });
    after = back.token;
  });

  it('refuses a cursor of another order', async () => {
    const { pageInfo } = await readPage(app, CUSTOMERS, { first: 1 }, { after, token: staff });
    const query = `{ customers(sort: REGISTERED_AT_DESC, after: "${pageInfo.endCursor}") { edges { cursor } } }`;
    expectRequestError(await app.query(query, {}, { token: staff }), 'BAD_USER_INPUT');
  });

  it.each([
    ['too many words', 'a '.repeat(21)],
    ['more characters than anybody would type', 'a'.repeat(1001)],
    ['NUL', 'a\0b'],
    ['half of a character', 'a\ud800'],
  ])('refuses a search with %s', async (_, search) => {
    const query = 'query ($search: String) { customers(filter: { search: $search }) { edges { cursor } } }';
    expectRequestError(await app.query(query, { search }, { token: staff }), 'BAD_USER_INPUT');
  });
});

describe('of a list of customers', () => {
  it('customers see themselves, and nothing of others by searching for them', async () => {
    const token = await customerToken(ids[3]!);
    expect(await list({}, token)).toEqual(['Ada']);
    expect(await list({ filter: { search: 'emile' } }, token)).toEqual([]);
  });

  it('whoever may see none gets null and an error, and the rest of the answer is there', async () => {
    const query = '{ customers { edges { cursor } } products { edges { cursor } } }';
    for (const [token, code] of [
      [undefined, 'UNAUTHENTICATED'],
      [await accessToken('guest', []), 'FORBIDDEN'],
    ] as const) {
      const { data, errors } = await app.query(query, {}, { token });
      expect(data).toEqual({ customers: null, products: { edges: [] } });
      expect(errors).toMatchObject([{ path: ['customers'], extensions: { code } }]);
    }
  });
});
