import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted } from '../../../support/client/shop.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const CARD = 'articleId title excerpt authorName authorAvatarUrl tags commentCount publishedAt';
const ARTICLE = { title: 'Looms', body: 'They weave patterns.', tags: ['engines'] };

const author = async (displayName: string, rest: object = {}) =>
  (await accepted(app, 'registerAuthor', { displayName, ...rest })).aggregateId;
const publish = (authorId: string, input: object = {}) =>
  accepted(app, 'publishArticle', { authorId, ...ARTICLE, ...input });
async function read<Data>(query: string, token: string, variables = {}): Promise<Data> {
  const answer = await app.query<Data>(query, variables, { headers: { 'read-after': token } });
  expect(answer.errors, answer.text).toBeUndefined();
  return answer.data;
}
const card = async (id: string, token: string) =>
  (await read<{ articleCard: object }>(`query ($id: ID!) { articleCard(id: $id) { ${CARD} } }`, token, { id }))
    .articleCard;

describe('the card of an article', () => {
  it('is there after it was published, in the request that publishes it', async () => {
    const avatarUrl = 'https://example.org/ada.png';
    const authorId = await author('Ada', { avatarUrl });
    const id = randomUUID();
    const query = `articleCard(id: "${id}") { ${CARD} }`;
    const body = `${'Long '.repeat(30)}${'sentences '.repeat(10)}`;
    const input = { id, authorId, ...ARTICLE, body };
    const receipt = await app.command<{ articleCard: { publishedAt: string } }>('publishArticle', input, { query });
    expect(receipt).toMatchObject({ __typename: 'CommandReceipt', aggregateId: id, version: 1 });
    expect(receipt.query.articleCard).toEqual({
      ...{ articleId: id, title: 'Looms', authorName: 'Ada', authorAvatarUrl: avatarUrl, tags: ['engines'] },
      excerpt: `${'Long '.repeat(30)}${'sentences '.repeat(5).trim()}…`,
      commentCount: 0,
      publishedAt: expect.stringMatching(/^\d{4}-/),
    });
  });

  it('shows tags, comments, and what its author is called now', async () => {
    const authorId = await author('Ada');
    const { aggregateId: articleId } = await publish(authorId);
    await accepted(app, 'tagArticle', { articleId, tag: 'back\\slash "q"' });
    await accepted(app, 'tagArticle', { articleId, tag: 'engines' });
    await Promise.all(Array.from({ length: 5 }, () => accepted(app, 'comment', { articleId, body: 'Well woven.' })));
    const { token } = await accepted(app, 'renameAuthor', { authorId, displayName: 'Countess' });
    expect(await card(articleId, token)).toMatchObject({
      ...{ authorName: 'Countess', authorAvatarUrl: null, tags: ['engines', 'back\\slash "q"'], commentCount: 5 },
    });
  });

  it('has an id of its own, by which it is found too', async () => {
    const { aggregateId: articleId, token } = await publish(await author('Ada'));
    const { articleCard } = await read<{ articleCard: { id: string; articleId: string } }>(
      `{ articleCard(id: "${articleId}") { id articleId } }`,
      token,
    );
    expect(articleCard).toEqual({ id: `ArticleCard:${articleId}`, articleId });
    const found = await read(`{ articleCard(id: "${articleCard.id}") { id } node(id: "${articleId}") { id } }`, token);
    expect(found).toEqual({ articleCard: { id: articleCard.id }, node: { id: articleId } });
  });

  it('is null if there is none', async () => {
    const authorId = await author('Ada');
    const { token } = await publish(authorId);
    expect(await card(randomUUID(), token)).toBeNull();
    expect(await card(authorId, token)).toBeNull();
    expectRequestError(await app.query('{ articleCard(id: "looms") { title } }'), 'BAD_USER_INPUT');
  });
});

describe('an article', () => {
  it('needs an author, and an id of its own', async () => {
    const authorId = await author('Ada');
    const { aggregateId } = await publish(authorId);
    const before = await logSize(app.database);
    expect(await app.command('publishArticle', { ...ARTICLE, authorId: randomUUID() })).toMatchObject({
      ...{ __typename: 'CommandRejected', code: 'AUTHOR_NOT_FOUND' },
    });
    // An article's id is no author's.
    expect(await app.command('publishArticle', { ...ARTICLE, authorId: aggregateId })).toMatchObject({
      code: 'AUTHOR_NOT_FOUND',
    });
    expect(await app.command('publishArticle', { ...ARTICLE, authorId, id: aggregateId })).toMatchObject({
      code: 'ARTICLE_ALREADY_PUBLISHED',
    });
    expect(await app.command('registerAuthor', { id: authorId, displayName: 'Bob' })).toMatchObject({
      code: 'AUTHOR_ALREADY_REGISTERED',
    });
    expect(await app.command('tagArticle', { articleId: authorId, tag: 'a' })).toMatchObject({
      __typename: 'AggregateNotFound',
    });
    expect(await app.command('comment', { articleId: randomUUID(), body: 'a' })).toMatchObject({
      __typename: 'AggregateNotFound',
    });
    expect(await app.command('renameAuthor', { authorId: aggregateId, displayName: 'a' })).toMatchObject({
      __typename: 'AggregateNotFound',
    });
    expect(await logSize(app.database)).toEqual(before);
  });

  it('that is published again by the same command answers the first receipt, whatever its author is called by then', async () => {
    const authorId = await author('Ada');
    const input = { id: randomUUID(), authorId, ...ARTICLE };
    const commandId = randomUUID();
    const first = await app.command('publishArticle', input, { commandId });
    const { token } = await accepted(app, 'renameAuthor', { authorId, displayName: 'Countess' });
    const again = await app.command('publishArticle', input, { commandId });
    expect(again).toMatchObject({ replayed: true, version: 1, token: first.token });
    expect(await card(input.id, token)).toMatchObject({ authorName: 'Countess' });
  });
});

describe('a list of cards', () => {
  interface Page {
    readonly edges: readonly { readonly cursor: string; readonly node: { readonly title: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  }
  const page = async (token: string, variables: object) => {
    const query = `query ($first: Int, $after: String, $tag: String) { articleCards(first: $first, after: $after, tag: $tag) {
      edges { cursor node { title } } pageInfo { hasNextPage endCursor } } }`;
    return (await read<{ articleCards: Page }>(query, token, variables)).articleCards;
  };
  const titles = ({ edges }: Page) => edges.map(({ node }) => node.title);

  it('shows everything once, newest first, page by page, of all or of a tag', async () => {
    const authorId = await author('Ada');
    let token = '';
    for (let n = 0; n < 7; n++) {
      ({ token } = await publish(authorId, { title: `A${n}`, tags: n % 2 ? ['odd \\ "'] : ['even', 'paged'] }));
    }
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const part: Page = await page(token, { first: 3, after });
      seen.push(...titles(part));
      after = part.pageInfo.endCursor;
      if (!part.pageInfo.hasNextPage) break;
    }
    expect(seen.slice(0, 7)).toEqual(['A6', 'A5', 'A4', 'A3', 'A2', 'A1', 'A0']);
    expect(titles(await page(token, { tag: 'odd \\ "' }))).toEqual(['A5', 'A3', 'A1']);
    const even = await page(token, { tag: 'even', first: 2 });
    expect(titles(even)).toEqual(['A6', 'A4']);
    expect(titles(await page(token, { tag: 'even', first: 9, after: even.pageInfo.endCursor }))).toEqual(['A2', 'A0']);
    expect(titles(await page(token, { tag: 'eve' }))).toEqual([]);
    ({ token } = await publish(authorId, { title: 'A7', tags: null }));
    const [newest] = (await page(token, { first: 1 })).edges;
    expect(newest?.node.title).toBe('A7');
  });

  it.each([
    '{ articleCards(first: -1) { edges { cursor } } }',
    '{ articleCards(first: 101) { edges { cursor } } }',
    '{ articleCards(after: "nonsense") { edges { cursor } } }',
    '{ articleCards(tag: "a\\u0000b") { edges { cursor } } }',
    '{ articleCards(tag: "\\ud800") { edges { cursor } } }',
    '{ articleCards(tag: 5) { edges { cursor } } }',
  ])('refuses %s', async (query) => {
    expectRequestError(await app.query(query), 'BAD_USER_INPUT');
  });
});
