import { z } from 'zod';
import { defineAggregate, defineCommand, defineEvent, personal, reject, unchanged } from '../../index.ts';
import { Id, id, newId, text } from '../shared/fields.ts';
import { customer } from '../shared/person.ts';
import { Author } from './author.ts';

export const ArticlePublished = defineEvent('ArticlePublished', {
  description: 'Author and name are hers at that very place in the log: see publishArticle.',
  data: z.object({
    authorId: Id,
    authorName: personal(z.string()),
    authorAvatarUrl: personal(z.string()).nullable(),
    title: personal(z.string()),
    body: personal(z.string()),
    tags: personal(z.array(z.string())),
  }),
});
export const ArticleTagged = defineEvent('ArticleTagged', { data: z.object({ tag: personal(z.string()) }) });
export const ArticleCommented = defineEvent('ArticleCommented', {
  data: z.object({ body: personal(z.string()) }),
  // What somebody says is theirs, not the author's.
  subject: (_, { actor }) => customer(actor.id),
});

export interface ArticleState {
  readonly published: boolean;
  readonly authorId: string;
  readonly tags: readonly string[];
}

export const Article = defineAggregate('Article', {
  description: 'What an author has published, with what readers say of it.',
  visibleTo: 'everyone',
  subject: ({ authorId }) => customer(authorId),
  initialState: (): ArticleState => ({ published: false, authorId: '', tags: [] }),
  events: { ArticlePublished, ArticleTagged, ArticleCommented },
  evolve: {
    ArticlePublished: (_, { data: { authorId, tags } }) => ({ published: true, authorId, tags }),
    ArticleTagged: (article, { data }) => ({ ...article, tags: [...article.tags, data.tag] }),
    ArticleCommented: unchanged,
  },
});

const MAX_TAGS = 50;
/** Longest body, in UTF-16 units. */
export const MAX_BODY = 100_000;

const articleId = id('The article.');
const tag = text('A tag', 50, 'A tag, at most 50 characters; case-sensitive.');

/**
 * A card shows its author's name, and a fold sees only its own row, so the event must contain the name. It must be the
 * author's name at this place in the log: with an older name, a rename before it would find no card to change, and the
 * old name would stay forever. So the author's stream is held. If the author is renamed between gathering and storing,
 * both are repeated, and every rename is either in the event or comes after it.
 */
export const publishArticle = defineCommand('publishArticle', {
  description: 'Publishes an article under its author’s name.',
  aggregate: Article,
  creates: true,
  input: z.object({
    id: newId(),
    authorId: id('Who wrote it.'),
    title: text('A title', 200, 'The name or title.'),
    body: text('A body', MAX_BODY, 'The article itself; its beginning is shown on the card.'),
    tags: z
      .array(tag)
      .max(MAX_TAGS, 'An article has at most 50 tags.')
      .nullish()
      .describe('Tags, at most 50; duplicates count once.'),
  }),
  id: (input) => input.id,
  allow: { staff: true, system: true, customer: (actor, input) => input.authorId === actor.id },
  gather: async ({ authorId }, { hold }) =>
    (await hold(Author, authorId)) ?? reject('AUTHOR_NOT_FOUND', `There is no author ${authorId}.`),
  decide: (article, { authorId, title, body, tags }, author) =>
    article.published
      ? reject('ARTICLE_ALREADY_PUBLISHED', 'An article with this id was published before.')
      : ArticlePublished({
          authorId,
          authorName: author.displayName,
          authorAvatarUrl: author.avatarUrl,
          title,
          body,
          tags: [...new Set(tags)],
        }),
});

export const tagArticle = defineCommand('tagArticle', {
  description: 'Adds a tag to an article; if the article already has it, nothing happens.',
  aggregate: Article,
  input: z.object({ articleId, tag }),
  id: (input) => input.articleId,
  allow: { staff: true, system: true, customer: (actor, _, article) => article.authorId === actor.id },
  decide: (article, input) => {
    if (article.tags.includes(input.tag)) return [];
    return article.tags.length >= MAX_TAGS
      ? reject('TOO_MANY_TAGS', 'An article has at most 50 tags.')
      : ArticleTagged({ tag: input.tag });
  },
});

export const comment = defineCommand('comment', {
  description: 'Adds a comment to an article. Anyone who is signed in may do so.',
  aggregate: Article,
  input: z.object({ articleId, body: text('A comment', 10_000, 'The text, at most 10,000 characters.') }),
  id: (input) => input.articleId,
  allow: ['customer', 'staff', 'system'],
  decide: (_, { body }) => ArticleCommented({ body }),
});
