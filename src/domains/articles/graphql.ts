import { sql } from 'drizzle-orm';
import type { Api, ReadModelType } from '../../graphql/index.ts';
import { containsText } from '../../index.ts';
import { MAX_BODY } from './article.ts';
import {
  articleCards,
  articleCardsTable,
  articles,
  authors,
  authorsTable,
  comments,
  commentsTable,
} from './read-models.ts';

/** Of a comment; most are far shorter than the longest. */
const COMMENT_BYTES = 2000;

export function articlesGraphql(api: Api): void {
  addArticles(api, addAuthors(api));
  addCards(api);
}

function addAuthors(api: Api): ReadModelType<typeof authorsTable> {
  const { builder } = api;
  const Author = api.readModel('Author', authors, {
    node: true,
    description: 'Somebody who writes articles.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The author’s id.' }),
      displayName: t.exposeString('displayName', { description: 'The name under their articles.' }),
      avatarUrl: t.exposeString('avatarUrl', {
        nullable: true,
        description: 'The URL of their picture; null if there is none.',
      }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
  const AuthorConnection = api.connection('Author', Author);

  api.queryByKey('author', Author, 'An author; null if there is none.');
  api.subscriptionToRow('authorUpdated', Author, 'The author now, and again each time their read model changes.');
  builder.queryField('authors', (t) =>
    t.field({
      type: AuthorConnection,
      nullable: true,
      description: 'Authors, by name, without regard to case and accents.',
      args: {
        ...api.pageArguments(t),
        search: t.arg.string({
          description: 'All of these words, in any case and also within longer words, occur in the name.',
        }),
      },
      resolve: (_, { search, ...args }, { rows }, info) => {
        const where = api.searchWords(search).map((word) => containsText(authorsTable.searchText, word));
        return rows.page(authors, { args, sortBy: authorsTable.sortName, direction: 'asc', where, info });
      },
    }),
  );
  return Author;
}

function addArticles(api: Api, Author: ReadModelType<typeof authorsTable>): void {
  const Comment = api.readModel('Comment', comments, {
    description: 'What a reader says of an article.',
    bytes: COMMENT_BYTES,
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      body: t.exposeString('body', { description: 'The text.' }),
      authorId: t.exposeID('authorId', {
        nullable: true,
        description: 'The id of who wrote it; null if nobody was signed in.',
      }),
      postedAt: t.expose('postedAt', { type: 'DateTime', description: 'When it was written.' }),
    }),
  });
  const CommentConnection = api.connection('Comment', Comment);
  api.subscriptionToRow('commentUpdated', Comment, 'The comment now, and again each time its read model changes.');
  const Article = api.readModel('Article', articles, {
    node: true,
    description: 'An article. Lists show its card.',
    bytes: MAX_BODY,
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      title: t.exposeString('title', { description: 'The title.' }),
      body: t.exposeString('body', { description: 'The whole text.' }),
      tags: t.field({
        type: ['String'],
        description: 'Tags in the given order.',
        extensions: api.columns(articles, 'tags'),
        resolve: ({ tags }) => [...tags],
      }),
      author: t.field({
        type: Author.ref,
        nullable: true,
        description: 'Who wrote it, as they are now.',
        extensions: api.columns(articles, 'authorId'),
        resolve: ({ authorId }, _, { rows }, info) => rows.byKey(authors, authorId, info),
      }),
      publishedAt: t.expose('publishedAt', { type: 'DateTime', description: 'When it was published.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
      comments: t.field({
        type: CommentConnection,
        description: 'The comments, oldest first; ask for the `last` to see the newest.',
        args: api.pageArguments(t),
        extensions: api.columns(articles, 'id'),
        resolve: ({ id }, args, { rows }, info) =>
          rows.pageOfParts(comments, commentsTable.articleId, id, {
            args,
            sortBy: commentsTable.version,
            direction: 'asc',
            info,
          }),
      }),
    }),
  });

  api.queryByKey('article', Article, 'An article; null if there is none.');
  api.subscriptionToRow('articleUpdated', Article, 'The article now, and again each time its read model changes.');
}

function addCards(api: Api): void {
  const { builder } = api;
  const Card = api.readModel('ArticleCard', articleCards, {
    ownId: true,
    description: 'An article as lists show it.',
    fields: (t) => ({
      articleId: t.exposeID('articleId', { description: 'The article’s id.' }),
      title: t.exposeString('title', { description: 'The name or title.' }),
      excerpt: t.exposeString('excerpt', {
        description: 'The beginning, at most 200 characters; cut after a word, with an ellipsis, if there is more.',
      }),
      authorName: t.exposeString('authorName', { description: "The author's current name." }),
      authorAvatarUrl: t.exposeString('authorAvatarUrl', {
        nullable: true,
        description: "The URL of the author's picture; null if there is none.",
      }),
      tags: t.field({
        type: ['String'],
        description: 'Tags in the given order.',
        extensions: api.columns(articleCards, 'tags'),
        resolve: ({ tags }) => [...tags],
      }),
      commentCount: t.exposeInt('commentCount', { description: 'Number of comments.' }),
      publishedAt: t.expose('publishedAt', { type: 'DateTime', description: 'When it was published.' }),
      version: t.exposeInt('version', { description: 'The article’s stream version that this view reflects.' }),
    }),
  });
  const ArticleCardConnection = api.connection('ArticleCard', Card);

  api.queryByKey('articleCard', Card, 'The card of an article; null if there is none.');
  api.subscriptionToRow('articleCardUpdated', Card, 'The card now, and again each time its read model changes.');
  builder.queryField('articleCards', (t) =>
    t.field({
      type: ArticleCardConnection,
      description: 'Cards of articles, newest first.',
      args: { ...api.pageArguments(t), tag: t.arg.string({ description: 'Only of articles with this tag.' }) },
      resolve: (_, { tag, ...args }, { rows }, info) => {
        const wanted = tag == null ? undefined : JSON.stringify([api.storableText(tag, 'A tag')]);
        const where = wanted ? [sql`${articleCardsTable.tags} @> ${wanted}::jsonb`] : [];
        return rows.page(articleCards, { args, sortBy: articleCardsTable.publishedAt, direction: 'desc', where, info });
      },
    }),
  );
}
