import { sql } from 'drizzle-orm';
import type { Api } from '../../graphql/index.ts';
import { articleCards, articleCardsTable } from './read-models.ts';

export function articlesGraphql(api: Api): void {
  const { builder } = api;
  const Card = api.readModel('ArticleCard', articleCards, {
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
