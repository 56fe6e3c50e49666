import { describe, it } from 'vitest';
import {
  Article,
  ArticleCommented,
  ArticlePublished,
  ArticleTagged,
  comment,
  publishArticle,
  tagArticle,
} from '../../../src/domains/articles/article.ts';
import {
  Author,
  AuthorRegistered,
  AuthorRenamed,
  registerAuthor,
  renameAuthor,
} from '../../../src/domains/articles/author.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { ADA, ADMIN, BOB, customer, STAFF, uuid } from '../fixtures.ts';

const articleId = uuid(41);
const avatarUrl = 'https://example.org/ada.png';
const ada = AuthorRegistered({ displayName: 'Ada', avatarUrl });
const article = { id: articleId, authorId: ADA, title: 'Notes on the engine', body: 'It weaves.', tags: ['engines'] };
const published = ArticlePublished({
  authorId: ADA,
  authorName: 'Ada',
  authorAvatarUrl: avatarUrl,
  title: 'Notes on the engine',
  body: 'It weaves.',
  tags: ['engines'],
});

describe('registering an author', () => {
  const registration = { id: ADA, displayName: ' Ada ', avatarUrl };

  it('registers a person by name and picture', () => given(Author).when(registerAuthor, registration).thenEvents(ada));

  it('needs no picture', async () => {
    const without = AuthorRegistered({ displayName: 'Ada', avatarUrl: null });
    await given(Author).when(registerAuthor, { displayName: 'Ada' }).thenEvents(without);
    await given(Author)
      .when(registerAuthor, { ...registration, avatarUrl: null })
      .thenEvents(without);
  });

  it('is refused if the id is in use', () =>
    given(Author, [ada]).when(registerAuthor, registration).thenRejected('AUTHOR_ALREADY_REGISTERED'));

  it.each([
    '',
    'ada.png',
    'ftp://example.org/a',
    'javascript:alert(1)',
    'data:image/png;base64,AA',
    '//example.org',
    `https://example.org/${'x'.repeat(2000)}`,
  ])('refuses the picture %j', async (avatarUrl) => {
    await given(Author)
      .when(registerAuthor, { ...registration, avatarUrl })
      .thenInvalid('avatarUrl');
  });

  it('names everything that is wrong at once', () =>
    given(Author)
      .when(registerAuthor, { id: 'x', displayName: '', avatarUrl: 'x' })
      .thenInvalid('id', 'displayName', 'avatarUrl'));

  it('is for staff, for the application, and for customers under their own id', async () => {
    for (const actor of [STAFF, ADMIN, SYSTEM, customer(ADA)]) {
      await given(Author).by(actor).when(registerAuthor, registration).thenEvents(ada);
    }
    for (const actor of [customer(BOB), null]) {
      await given(Author).by(actor).when(registerAuthor, registration).thenForbidden();
    }
  });
});

describe('renaming an author', () => {
  const rename = { authorId: ADA, displayName: 'Ada Lovelace' };
  const renamed = AuthorRenamed({ displayName: 'Ada Lovelace' });

  it('changes the name', () => given(Author, [ada]).when(renameAuthor, rename).thenEvents(renamed));

  it('does nothing if the name is already the same', () =>
    given(Author, [ada, renamed]).when(renameAuthor, rename).thenEvents());

  it('needs an author and a name', async () => {
    await given(Author).when(renameAuthor, rename).thenNotFound();
    await given(Author, [ada])
      .when(renameAuthor, { authorId: 'x', displayName: ' ' })
      .thenInvalid('authorId', 'displayName');
  });

  it('is for staff, for the application, and for herself', async () => {
    for (const actor of [STAFF, SYSTEM, customer(ADA)]) {
      await given(Author, [ada]).by(actor).when(renameAuthor, rename).thenEvents(renamed);
    }
    for (const actor of [customer(BOB), null]) {
      await given(Author, [ada]).by(actor).when(renameAuthor, rename).thenForbidden();
    }
  });
});

describe('publishing an article', () => {
  const byAda = given(Article).and(Author, ADA, [ada]);

  it('puts its author’s name and picture into the event', () =>
    byAda.when(publishArticle, article).thenEvents(published));

  it('takes the name that the author has by then', () =>
    given(Article)
      .and(Author, ADA, [ada, AuthorRenamed({ displayName: 'Countess' })])
      .when(publishArticle, article)
      .thenEvents(ArticlePublished({ ...published.data, authorName: 'Countess' })));

  it('takes each tag once, and needs none', async () => {
    await byAda
      .when(publishArticle, { ...article, tags: ['b', 'a', ' b'] })
      .thenEvents(ArticlePublished({ ...published.data, tags: ['b', 'a'] }));
    await byAda
      .when(publishArticle, { ...article, tags: null })
      .thenEvents(ArticlePublished({ ...published.data, tags: [] }));
  });

  it('needs an author', () => given(Article).when(publishArticle, article).thenRejected('AUTHOR_NOT_FOUND'));

  it('is refused if the id is in use', () =>
    given(Article, [published])
      .and(Author, ADA, [ada])
      .when(publishArticle, article)
      .thenRejected('ARTICLE_ALREADY_PUBLISHED'));

  it('names everything that is wrong at once', () =>
    byAda
      .when(publishArticle, { id: 'x', authorId: 'y', title: '', body: ' ', tags: [''] })
      .thenInvalid('id', 'authorId', 'title', 'body', 'tags.0'));

  it('is for staff, for the application, and for its author', async () => {
    for (const actor of [STAFF, SYSTEM, customer(ADA)]) {
      await byAda.by(actor).when(publishArticle, article).thenEvents(published);
    }
    for (const actor of [customer(BOB), null]) await byAda.by(actor).when(publishArticle, article).thenForbidden();
  });
});

describe('an article', () => {
  const present = given(Article, [published]);

  it('is tagged, each tag once', async () => {
    await present.when(tagArticle, { articleId, tag: ' looms ' }).thenEvents(ArticleTagged({ tag: 'looms' }));
    await present.when(tagArticle, { articleId, tag: 'engines' }).thenEvents();
    const tags = Array.from({ length: 50 }, (_, n) => `t${n}`);
    await given(Article, [ArticlePublished({ ...published.data, tags })])
      .when(tagArticle, { articleId, tag: 'more' })
      .thenRejected('TOO_MANY_TAGS');
  });

  it('is tagged by its author, staff and the application', async () => {
    const tag = { articleId, tag: 'looms' };
    for (const actor of [STAFF, SYSTEM, customer(ADA)]) {
      await present
        .by(actor)
        .when(tagArticle, tag)
        .thenEvents(ArticleTagged({ tag: 'looms' }));
    }
    for (const actor of [customer(BOB), null]) await present.by(actor).when(tagArticle, tag).thenForbidden();
  });

  it('is commented by whoever is signed in, also twice the same', async () => {
    const said = ArticleCommented({ body: 'Well woven.' });
    for (const actor of [STAFF, SYSTEM, customer(ADA), customer(BOB)]) {
      await given(Article, [published, said])
        .by(actor)
        .when(comment, { articleId, body: 'Well woven. ' })
        .thenEvents(said);
    }
    await present.by(null).when(comment, { articleId, body: 'Well woven.' }).thenForbidden();
  });

  it('has to be there', async () => {
    await given(Article).when(tagArticle, { articleId, tag: 'looms' }).thenNotFound();
    await given(Article).when(comment, { articleId, body: 'Well woven.' }).thenNotFound();
  });

  it('takes no tag and no comment that says nothing or too much', async () => {
    await present.when(tagArticle, { articleId: 'x', tag: ' ' }).thenInvalid('articleId', 'tag');
    await present.when(tagArticle, { articleId, tag: 'x'.repeat(51) }).thenInvalid('tag');
    await present.when(comment, { articleId: 'x', body: '' }).thenInvalid('articleId', 'body');
    await present.when(comment, { articleId, body: 'x'.repeat(10_001) }).thenInvalid('body');
  });
});
