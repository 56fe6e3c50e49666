import { defineDomain } from '../../index.ts';
import { Article, comment, publishArticle, tagArticle } from './article.ts';
import { Author, registerAuthor, renameAuthor } from './author.ts';
import { articlesGraphql } from './graphql.ts';
import { articleCards, articles, authors, comments } from './read-models.ts';

export { Article, comment, publishArticle, tagArticle } from './article.ts';
export { Author, registerAuthor, renameAuthor } from './author.ts';
export { articleCards, articles, authors, comments } from './read-models.ts';

export const articlesDomain = defineDomain({
  name: 'articles',
  aggregates: [Author, Article],
  commands: [registerAuthor, renameAuthor, publishArticle, tagArticle, comment],
  projections: [articleCards, articles, comments, authors],
  graphql: articlesGraphql,
});
