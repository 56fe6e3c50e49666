import { index, integer, jsonb, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, isNobody, readTable, searchText, sortText } from '../../index.ts';
import { Article } from './article.ts';
import { Author } from './author.ts';
import { excerptOf } from './excerpt.ts';

export const articleCardsTable = readTable(
  'article_cards',
  {
    articleId: uuid('article_id').primaryKey(),
    title: text('title').notNull(),
    /** The beginning of the body. */
    excerpt: text('excerpt').notNull(),
    authorId: uuid('author_id').notNull(),
    authorName: text('author_name').notNull(),
    authorAvatarUrl: text('author_avatar_url'),
    /** In the given order. JSON, because Drizzle loses backslashes when it reads arrays of text. */
    tags: jsonb('tags').$type<readonly string[]>().notNull(),
    commentCount: integer('comment_count').notNull(),
    publishedAt: timestamp('published_at', { precision: 3, withTimezone: true }).notNull(),
    /** Version of the article; a new name of its author does not change it. */
    version: integer('version').notNull(),
  },
  (table) => [
    index('article_cards_published_at').on(table.publishedAt, table.articleId),
    index('article_cards_author').on(table.authorId),
    index('article_cards_tags').using('gin', table.tags.op('jsonb_path_ops')),
  ],
);

/** Published cards are visible to everyone, including people who are not signed in. */
export const articleCards = defineProjection('articleCards', {
  personal: {
    of: ({ authorId }) => `customer/${authorId}`,
    columns: ['title', 'excerpt', 'authorName', 'authorAvatarUrl', 'tags'],
  },
  description: 'What lists of articles show: from the article, its author, its tags and its comments.',
  table: articleCardsTable,
  events: { ...Author.events, ...Article.events },
  visibleTo: 'everyone',
  on: {
    ArticlePublished: ({ streamId: articleId, data, occurredAt, version }, { upsert }) => {
      const { body, ...shown } = data;
      return upsert(articleId, () => ({
        ...{ articleId, ...shown, excerpt: excerptOf(body) },
        ...{ commentCount: 0, publishedAt: occurredAt, version },
      }));
    },
    ArticleTagged: ({ streamId, data, version }, { update }) =>
      update(streamId, (row) => ({ ...row, tags: [...row.tags, data.tag], version })),
    ArticleCommented: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, commentCount: row.commentCount + 1, version })),
    AuthorRenamed: ({ streamId, data }, { updateWhere }) =>
      updateWhere('authorId', streamId, (row) => ({ ...row, authorName: data.displayName })),
  },
});

export const articlesTable = readTable('articles', {
  id: uuid('id').primaryKey(),
  title: text('title').notNull(),
  body: text('body').notNull(),
  /** In the given order. */
  tags: jsonb('tags').$type<readonly string[]>().notNull(),
  authorId: uuid('author_id').notNull(),
  publishedAt: timestamp('published_at', { precision: 3, withTimezone: true }).notNull(),
  version: integer('version').notNull(),
});

export const articles = defineProjection('articles', {
  personal: { of: ({ authorId }) => `customer/${authorId}`, columns: ['title', 'body', 'tags'] },
  description: 'Whole articles. Lists show their cards instead, which have no body.',
  table: articlesTable,
  events: Article.events,
  visibleTo: 'everyone',
  on: {
    ArticlePublished: ({ streamId: id, data, occurredAt: publishedAt, version }, { upsert }) => {
      const { title, body, tags, authorId } = data;
      return upsert(id, () => ({ id, title, body, tags, authorId, publishedAt, version }));
    },
    ArticleTagged: ({ streamId, data, version }, { update }) =>
      update(streamId, (row) => ({ ...row, tags: [...row.tags, data.tag], version })),
    ArticleCommented: ({ streamId, version }, { update }) => update(streamId, (row) => ({ ...row, version })),
  },
});

export const commentsTable = readTable(
  'comments',
  {
    /** The event's id: a comment is one event, and never changes. */
    id: uuid('id').primaryKey(),
    articleId: uuid('article_id').notNull(),
    body: text('body').notNull(),
    /** The actor who wrote it; null if nobody was signed in. */
    authorId: text('author_id'),
    postedAt: timestamp('posted_at', { precision: 3, withTimezone: true }).notNull(),
    /** Version of the article that it made. Comments of one instant are in this order. */
    version: integer('version').notNull(),
  },
  (table) => [index('comments_article_version').on(table.articleId, table.version, table.id)],
);

export const comments = defineProjection('comments', {
  personal: { of: ({ authorId }) => (authorId === null ? null : `customer/${authorId}`), columns: ['body'] },
  description: 'The comments on all articles.',
  table: commentsTable,
  events: Article.events,
  visibleTo: 'everyone',
  on: {
    ArticleCommented: ({ eventId: id, streamId: articleId, data, occurredAt: postedAt, version, metadata }, { put }) =>
      put(id, () => {
        const { actor } = metadata;
        return { id, articleId, body: data.body, authorId: isNobody(actor) ? null : actor.id, postedAt, version };
      }),
  },
});

export const authorsTable = readTable(
  'authors',
  {
    id: uuid('id').primaryKey(),
    displayName: text('display_name').notNull(),
    avatarUrl: text('avatar_url'),
    version: integer('version').notNull(),
    /** What lists are sorted by. */
    sortName: text('sort_name').notNull(),
    /** The name, folded by `searchText`. */
    searchText: text('search_text').notNull(),
  },
  (table) => [index('authors_name').on(table.sortName, table.id)],
);

/** The name, and the columns that follow from it. */
const named = (displayName: string) => ({
  displayName,
  sortName: sortText(displayName),
  searchText: searchText(displayName),
});

export const authors = defineProjection('authors', {
  personal: { of: ({ id }) => `customer/${id}`, columns: ['displayName', 'avatarUrl', 'sortName', 'searchText'] },
  description: 'Authors as they are now.',
  table: authorsTable,
  events: Author.events,
  visibleTo: 'everyone',
  on: {
    AuthorRegistered: ({ streamId: id, data: { displayName, avatarUrl }, version }, { upsert }) =>
      upsert(id, () => ({ id, ...named(displayName), avatarUrl, version })),
    AuthorRenamed: ({ streamId, data, version }, { update }) =>
      update(streamId, (row) => ({ ...row, ...named(data.displayName), version })),
  },
});
