import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';
import { readAll } from './list.ts';

const app = useApp({ env: WITH_AUTH });
const AUTHORS = { field: 'authors', variables: '$search: String', shows: 'displayName' };
const AVATAR = 'https://example.org/ada.png';
/** Far more than a card shows. */
const BODY = 'They weave patterns. '.repeat(2000).trim();

let adaId: string;
let ada: string;
let bob: string;
let articleId: string;
let after: string;
beforeAll(async () => {
  adaId = randomUUID();
  ada = await customerToken(adaId);
  bob = await customerToken(randomUUID());
  await accepted(app, 'registerAuthor', { id: adaId, displayName: 'Ada Lovelace', avatarUrl: AVATAR }, { token: ada });
  const article = { authorId: adaId, title: 'Looms', body: BODY, tags: ['engines'] };
  articleId = (await accepted(app, 'publishArticle', article, { token: ada })).aggregateId;
  await accepted(app, 'tagArticle', { articleId, tag: 'back\\slash "q"' }, { token: ada });
  for (const n of [1, 2, 3, 4, 5]) {
    const { token } = await accepted(app, 'comment', { articleId, body: `No. ${n}` }, { token: n === 3 ? ada : bob });
    after = token;
  }
});
async function read<Data>(query: string, token?: string): Promise<Data> {
  const answer = await app.query<Data>(query, {}, { token, headers: { 'read-after': after } });
  expect(answer.errors, answer.text).toBeUndefined();
  return answer.data;
}

describe('an article', () => {
  it('can be read whole by everybody, with its author as they are now', async () => {
    const { token } = await accepted(app, 'renameAuthor', { authorId: adaId, displayName: 'Countess' }, { token: ada });
    after = token;
    const query = `{ article(id: "${articleId}") {
      id title body tags publishedAt version stale author { id displayName avatarUrl version } } }`;
    expect(await read(query)).toEqual({
      article: {
        ...{
          id: articleId,
          title: 'Looms',
          body: BODY,
          tags: ['engines', 'back\\slash "q"'],
          version: 7,
          stale: false,
        },
        publishedAt: expect.stringMatching(/^\d{4}-/),
        author: { id: adaId, displayName: 'Countess', avatarUrl: AVATAR, version: 2 },
      },
    });
  });

  it('is null if there is none', async () => {
    expect(await read(`{ article(id: "${adaId}") { id } author(id: "${articleId}") { id } }`)).toEqual({
      ...{ article: null, author: null },
    });
    for (const field of ['article', 'author']) {
      expectRequestError(await app.query(`{ ${field}(id: "looms") { id } }`), 'BAD_USER_INPUT');
    }
  });

  it('has its comments in the order in which they were written, page by page, with who wrote them', async () => {
    interface Comments {
      readonly edges: readonly { readonly node: { readonly body: string; readonly authorId: string } }[];
      readonly pageInfo: { readonly endCursor: string; readonly startCursor: string; readonly hasNextPage: boolean };
    }
    const page = async (args: string) => {
      const query = `{ article(id: "${articleId}") { comments(${args}) {
        edges { node { id body authorId postedAt } } pageInfo { startCursor endCursor hasNextPage } } } }`;
      return (await read<{ article: { comments: Comments } }>(query)).article.comments;
    };
    const bodies = ({ edges }: Comments) => edges.map(({ node }) => node.body);
    const first = await page('first: 2');
    expect(bodies(first)).toEqual(['No. 1', 'No. 2']);
    const second = await page(`first: 3, after: "${first.pageInfo.endCursor}"`);
    expect(bodies(second)).toEqual(['No. 3', 'No. 4', 'No. 5']);
    expect(second.edges.map(({ node }) => node.authorId === adaId)).toEqual([true, false, false]);
    expect(second.pageInfo.hasNextPage).toBe(false);
    const last = await page('last: 2');
    expect(bodies(last)).toEqual(['No. 4', 'No. 5']);
    expect(bodies(await page(`last: 2, before: "${last.pageInfo.startCursor}"`))).toEqual(['No. 2', 'No. 3']);
  });
});

describe('a list of authors', () => {
  it('is sorted by name, and searched for all of the words, for everybody', async () => {
    const staff = { token: await staffToken() };
    for (const displayName of ['Émile Zola', 'zoe', 'Émile Borel']) {
      after = (await accepted(app, 'registerAuthor', { displayName }, staff)).token;
    }
    const list = (search?: string) => readAll(app, AUTHORS, { search }, { after });
    expect(await list()).toEqual(['Countess', 'Émile Borel', 'Émile Zola', 'zoe']);
    expect(await list('ZO emil')).toEqual(['Émile Zola']);
    expect(await list('zo')).toEqual(['Émile Zola', 'zoe']);
    expect(await list('%')).toEqual([]);
  });
});
