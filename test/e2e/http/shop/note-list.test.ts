import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const ids: Record<string, string> = {};
let token: string;

beforeAll(async () => {
  const create = async (name: string, title: string, content: string, rest: object = {}) => {
    const receipt = await accepted(app, 'createNote', { title, content, ...rest });
    ids[name] = receipt.aggregateId;
    ({ token } = receipt);
  };
  await create('tea', 'How to make tea', 'Warm the pot first. The water boils.', { tags: ['drinks', 'hot'] });
  await create('coffee', 'Coffee', 'Grind the beans; warm the cup.', {
    tags: ['drinks', 'Hot'],
    workspaceId: 'kitchen',
  });
  await create('list', 'Shopping', 'Milk, eggs, tea-pot, 2 lemons', { tags: ['back\\slash'], workspaceId: 'kitchen' });
  await create('kurz', 'Größe', 'Die Straße ist naß. L’été.', { tags: ['100%'] });
  await create('empty', 'Nothing', '', { workspaceId: 'attic' });
  await accepted(app, 'archiveNote', { noteId: ids.coffee });
  ({ token } = await accepted(app, 'editNote', { noteId: ids.tea, content: 'Warm the pot first. The water boils!' }));
});

interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean; readonly endCursor: string };
}
const NEWEST_FIRST = ['tea', 'coffee', 'empty', 'kurz', 'list'];

async function page(variables: object): Promise<Page> {
  const query = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: NoteFilter) {
    notes(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }`;
  const answer = await app.query<{ notes: Page }>(query, { ...variables }, { headers: { 'read-after': token } });
  expect(answer.errors, answer.text).toBeUndefined();
  return answer.data.notes;
}
const namesOf = ({ edges }: Page) =>
  edges.map(({ node }) => Object.keys(ids).find((name) => ids[name] === node.id) ?? '?');
const found = async (filter: object) => namesOf(await page({ filter }));

describe('notes filtered', () => {
  it.each([
    ['by nothing', {}, NEWEST_FIRST],
    ['by null', { workspaceId: null, tag: null, archived: null, search: null }, NEWEST_FIRST],
    ['by a workspace', { workspaceId: 'kitchen' }, ['coffee', 'list']],
    ['by the workspace of those that name none', { workspaceId: 'default' }, ['tea', 'kurz']],
    ['by a workspace that is not there', { workspaceId: 'Kitchen' }, []],
    ['by a tag', { tag: 'drinks' }, ['tea', 'coffee']],
    ['by a tag, as it is written', { tag: 'hot' }, ['tea']],
    ['by a tag with a backslash', { tag: 'back\\slash' }, ['list']],
    ['by a tag with a per cent sign', { tag: '100%' }, ['kurz']],
    ['by a part of a tag', { tag: 'drink' }, []],
    ['by a tag that is JSON', { tag: '["drinks"]' }, []],
    ['to archived ones', { archived: true }, ['coffee']],
    ['to those that are not archived', { archived: false }, ['tea', 'empty', 'kurz', 'list']],
    ['by all at once', { workspaceId: 'kitchen', tag: 'drinks', archived: true, search: 'beans' }, ['coffee']],
    ['by what contradicts itself', { workspaceId: 'kitchen', tag: 'hot' }, []],
  ])('%s', async (_, filter, expected) => {
    expect(await found(filter)).toEqual(expected);
  });
});

describe('notes searched', () => {
  it.each([
    ['a word of the title', 'shopping', ['list']],
    ['a word of the content', 'milk', ['list']],
    ['a word in any case', 'WARM', ['tea', 'coffee']],
    ['words of title and content, in any order', 'boils make', ['tea']],
    ['words that are not all in one note', 'boils eggs', []],
    ['a word that is so common that other searches leave it out', 'the', ['tea', 'coffee']],
    ['a part of a word', 'shop', []],
    ['a phrase', '"warm the pot"', ['tea']],
    ['a phrase in another order', '"the warm pot"', []],
    ['alternatives', 'beans or eggs', ['coffee', 'list']],
    ['what must not occur', 'warm -beans', ['tea']],
    ['a part of a hyphenated word', 'pot', ['tea', 'list']],
    ['a number', '2', ['list']],
    ['letters without their accents', 'GROßE', ['kurz']],
    ['letters beyond ASCII', 'STRASSE or größe', ['kurz']],
    ['nothing', '  ', NEWEST_FIRST],
    ['what has no word in it', '!? & |', []],
    ['operators that are none here', "tea & ! ( <-> 'x' :*", []],
    ['an emoji', '🫖', []],
    ['an unfinished phrase', '"warm the', ['tea', 'coffee']],
  ])('for %s', async (_, search, expected) => {
    expect(await found({ search })).toEqual(expected);
  });

  it('are found by what they say now, and no more by what they said', async () => {
    expect(await found({ search: 'zebra' })).toEqual([]);
    ({ token } = await accepted(app, 'renameNote', { noteId: ids.tea, title: 'Zebra' }));
    expect(await found({ search: 'zebra' })).toEqual(['tea']);
    expect(await found({ search: 'make' })).toEqual([]);
    ({ token } = await accepted(app, 'revertNote', { noteId: ids.tea, version: 2 }));
    expect(await found({ search: 'make boils' })).toEqual(['tea']);
  });
});

describe('a list of notes', () => {
  it('shows everything once, newest change first, page by page, forwards and backwards', async () => {
    const forwards: string[] = [];
    for (let after: string | null = null; ; ) {
      const part: Page = await page({ first: 2, after });
      forwards.push(...namesOf(part));
      after = part.pageInfo.endCursor;
      if (!part.pageInfo.hasNextPage) break;
    }
    expect(forwards).toEqual(NEWEST_FIRST);
    const last = await page({ last: 2 });
    expect(namesOf(last)).toEqual(NEWEST_FIRST.slice(-2));
    expect(last.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    expect(namesOf(await page({ last: 10, before: last.edges[0]?.cursor }))).toEqual(NEWEST_FIRST.slice(0, -2));
  });

  it('has a note that changes first', async () => {
    ({ token } = await accepted(app, 'tagNote', { noteId: ids.list, tag: 'new' }));
    expect(namesOf(await page({ first: 1 }))).toEqual(['list']);
  });

  it.each([
    ['{ notes(first: -1) { edges { cursor } } }'],
    ['{ notes(first: 101) { edges { cursor } } }'],
    ['{ notes(first: 1, last: 1) { edges { cursor } } }'],
    ['{ notes(after: "nonsense") { edges { cursor } } }'],
    ['{ notes(filter: { tag: "a\\u0000b" }) { edges { cursor } } }'],
    ['{ notes(filter: { workspaceId: "\\ud800" }) { edges { cursor } } }'],
    ['{ notes(filter: { search: "a\\u0000b" }) { edges { cursor } } }'],
    [`{ notes(filter: { search: "${'x'.repeat(1001)}" }) { edges { cursor } } }`],
    ['{ notes(filter: { nonsense: 1 }) { edges { cursor } } }'],
  ])('refuses %s', async (query) => {
    expectRequestError(await app.query(query), 'BAD_USER_INPUT');
  });
});

describe('notes that are long', () => {
  it('are found by the words at the beginning of a text whose signs stand for so many letters that Postgres has no room for all', async () => {
    // Each of them is five letters of three bytes: ㌀ is アパート.
    const sign = (n: number) => String.fromCodePoint(0x3300 + (n % 88));
    const word = (n: number) => sign(n) + sign(Math.floor(n / 88)) + sign(Math.floor(n / 88 ** 2));
    const content = Array.from({ length: 25_000 }, (_, n) => word(n)).join(' ');
    const receipt = await accepted(app, 'createNote', { title: 'Signs', content, workspaceId: 'signs' });
    ids.signs = receipt.aggregateId;
    ({ token } = receipt);
    expect(await found({ search: word(7), workspaceId: 'signs' })).toEqual(['signs']);
  });
});
