import { describe, expect, it } from 'vitest';
import { Article, ArticleCommented, ArticlePublished, ArticleTagged } from '../../../src/domains/articles/article.ts';
import { Author, AuthorRegistered, AuthorRenamed } from '../../../src/domains/articles/author.ts';
import { articleCards } from '../../../src/domains/articles/read-models.ts';
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
