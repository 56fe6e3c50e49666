import { z } from 'zod';
import { defineAggregate, defineCommand, defineEvent, personal, reject } from '../../index.ts';
import { id, newId, text } from '../shared/fields.ts';
import { customer } from '../shared/person.ts';

export const AuthorRegistered = defineEvent('AuthorRegistered', {
  data: z.object({ displayName: personal(z.string()), avatarUrl: personal(z.string()).nullable() }),
});
export const AuthorRenamed = defineEvent('AuthorRenamed', { data: z.object({ displayName: personal(z.string()) }) });

export interface AuthorState {
  readonly registered: boolean;
  readonly displayName: string;
  readonly avatarUrl: string | null;
}

export const Author = defineAggregate('Author', {
  description: 'Somebody who writes articles.',
  // Articles bear their authors' names.
  visibleTo: 'everyone',
  // Customers register themselves as authors under the id that they are signed in with.
  idsAreActors: true,
  subject: (_, id) => customer(id),
  initialState: (): AuthorState => ({ registered: false, displayName: '', avatarUrl: null }),
  events: { AuthorRegistered, AuthorRenamed },
  evolve: {
    AuthorRegistered: (_, { data }) => ({ registered: true, ...data }),
    AuthorRenamed: (author, { data }) => ({ ...author, displayName: data.displayName }),
  },
});

const displayName = text('A name', 200, 'The name under the author’s articles.');

export const registerAuthor = defineCommand('registerAuthor', {
  description: 'Registers an author. Customers may register themselves, under the id that they are signed in with.',
  aggregate: Author,
  creates: true,
  input: z.object({
    id: newId(),
    displayName,
    avatarUrl: z
      .url({ protocol: /^https?$/, error: 'An avatar is a URL that begins with https:// or http://.' })
      .max(2000, 'A URL must not be longer than 2000 characters.')
      .nullish()
      .describe('The URL (https or http) of the author’s picture.'),
  }),
  id: (input) => input.id,
  allow: { staff: true, system: true, customer: (actor, input) => input.id === actor.id },
  decide: (author, { displayName, avatarUrl }) =>
    author.registered
      ? reject('AUTHOR_ALREADY_REGISTERED', 'An author with this id is registered already.')
      : AuthorRegistered({ displayName, avatarUrl: avatarUrl ?? null }),
});

export const renameAuthor = defineCommand('renameAuthor', {
  description: "Changes an author's name on all of their articles.",
  aggregate: Author,
  input: z.object({ authorId: id('The author.'), displayName }),
  id: (input) => input.authorId,
  allow: { staff: true, system: true, customer: (actor, input) => input.authorId === actor.id },
  decide: (author, { displayName }) => (displayName === author.displayName ? [] : AuthorRenamed({ displayName })),
});
