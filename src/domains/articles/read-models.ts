import { index, integer, jsonb, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { defineProjection, readTable } from '../../index.ts';
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
