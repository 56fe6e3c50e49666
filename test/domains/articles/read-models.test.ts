import { describe, expect, it } from 'vitest';
import { Article, ArticleCommented, ArticlePublished, ArticleTagged } from '../../../src/domains/articles/article.ts';
import { Author, AuthorRegistered, AuthorRenamed } from '../../../src/domains/articles/author.ts';
import { articleCards, articles, authors, comments } from '../../../src/domains/articles/read-models.ts';
import { givenEvents } from '../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { ADA, BOB, uuid } from '../fixtures.ts';

const [LOOMS, WHEELS] = [uuid(41), uuid(42)];
const by = (authorId: string, authorName: string, title: string) =>
  ArticlePublished({ authorId, authorName, authorAvatarUrl: null, title, body: `${title} `.repeat(100), tags: ['a'] });

/** Ada and Bob have published an article each. */
const both = [
  { aggregate: Author, id: ADA, event: AuthorRegistered({ displayName: 'Ada', avatarUrl: null }) },
  { aggregate: Author, id: BOB, event: AuthorRegistered({ displayName: 'Bob', avatarUrl: null }) },
].reduce(
  (log, { aggregate, id, event }) => recorded(aggregate, id, [event], log),
  recorded(Author, uuid(3), [AuthorRegistered({ displayName: 'Cid', avatarUrl: null })]),
);
const published = recorded(
  Article,
  WHEELS,
  [by(BOB, 'Bob', 'Wheels')],
  recorded(Article, LOOMS, [by(ADA, 'Ada', 'Looms')], both),
);

describe('the cards of articles', () => {
  it('show article, author, tags and comments in one row', () => {
    const log = recorded(
      Article,
      LOOMS,
      [ArticleTagged({ tag: 'b' }), ArticleCommented({ body: 'x' }), ArticleCommented({ body: 'y' })],
      published,
    );
    const [looms, wheels] = givenEvents(log).project(articleCards);
    expect(looms).toEqual({
      articleId: LOOMS,
      title: 'Looms',
      excerpt: `${'Looms '.repeat(33).trim()}…`,
      authorId: ADA,
      authorName: 'Ada',
      authorAvatarUrl: null,
      tags: ['a', 'b'],
      commentCount: 2,
      publishedAt: log[3]?.occurredAt,
      version: 4,
    });
    expect(wheels).toMatchObject({ articleId: WHEELS, tags: ['a'], commentCount: 0, version: 1 });
  });

  it('show an author’s new name on all of theirs and on no other', () => {
    const more = recorded(Article, uuid(43), [by(ADA, 'Ada', 'Cards')], published);
    const renamed = recorded(Author, ADA, [AuthorRenamed({ displayName: 'Countess' })], more);
    const later = recorded(Article, uuid(44), [by(ADA, 'Countess', 'Cogs')], renamed);
    const cards = givenEvents(later).project(articleCards);
    expect(cards.map(({ title, authorName, version }) => [title, authorName, version])).toEqual([
      ['Looms', 'Countess', 1],
      ['Wheels', 'Bob', 1],
      ['Cards', 'Countess', 1],
      ['Cogs', 'Countess', 1],
    ]);
  });

  it('are for everybody to see', () => expect(articleCards.visibleTo).toBe('everyone'));
});

describe('the read model of articles', () => {
  it('has a row for each article with its whole text and its version', () => {
    const log = recorded(Article, LOOMS, [ArticleTagged({ tag: 'b' }), ArticleCommented({ body: 'x' })], published);
    expect(givenEvents(log).project(articles)).toEqual([
      {
        ...{ id: LOOMS, title: 'Looms', body: 'Looms '.repeat(100), tags: ['a', 'b'], authorId: ADA },
        ...{ publishedAt: log[3]?.occurredAt, version: 3 },
      },
      {
        ...{ id: WHEELS, title: 'Wheels', body: 'Wheels '.repeat(100), tags: ['a'], authorId: BOB },
        ...{ publishedAt: log[4]?.occurredAt, version: 1 },
      },
    ]);
  });

  it('can be seen by everyone', () => expect(articles.visibleTo).toBe('everyone'));
});

describe('the read model of comments', () => {
  it('has a row for each comment, with who wrote it', () => {
    const bodies = ['x', 'y'].map((body) => ArticleCommented({ body }));
    const [x, y] = recorded(Article, LOOMS, bodies, published).slice(-2);
    const byNobody = { ...y, metadata: { ...y?.metadata, actor: { id: 'anonymous', roles: [] } } };
    expect(givenEvents([x, byNobody] as never).project(comments)).toEqual([
      {
        ...{ id: x?.eventId, articleId: LOOMS, body: 'x', authorId: x?.metadata.actor.id },
        ...{ postedAt: x?.occurredAt, version: 2 },
      },
      { id: y?.eventId, articleId: LOOMS, body: 'y', authorId: null, postedAt: y?.occurredAt, version: 3 },
    ]);
  });

  it('can be seen by everyone', () => expect(comments.visibleTo).toBe('everyone'));
});

describe('the read model of authors', () => {
  it('has a row for each author, sorted and found by their current name', () => {
    const log = recorded(Author, ADA, [AuthorRenamed({ displayName: 'Comtesse Ádá' })], published);
    const rows = givenEvents(log).project(authors);
    const ada = { displayName: 'Comtesse Ádá', sortName: 'comtesse ada', searchText: 'comtesse ada', version: 2 };
    expect(rows.find(({ id }) => id === ADA)).toEqual({ id: ADA, avatarUrl: null, ...ada });
    expect(rows.map(({ displayName }) => displayName).sort()).toEqual(['Bob', 'Cid', 'Comtesse Ádá']);
  });

  it('can be seen by everyone, as the cards of their articles', () => expect(authors.visibleTo).toBe('everyone'));
});
