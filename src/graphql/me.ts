import type { Actor } from '../kernel/define/access/actor.ts';
import type { Builder } from './builder.ts';

/** Adds the query `me`. */
export function addMe(builder: Builder): void {
  const ActorType = builder.objectRef<Pick<Actor, 'id' | 'roles'>>('Actor').implement({
    description: 'Who sends requests: a person or a program, as its credentials say.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The subject of the credentials.' }),
      roles: t.stringList({
        description: 'The roles, which decide what may be done.',
        resolve: ({ roles }) => [...roles],
      }),
    }),
  });
  builder.queryField('me', (t) =>
    t.field({
      type: ActorType,
      nullable: true,
      description: 'Who is asking; null if nobody is signed in.',
      resolve: (_, __, { actor }) => actor,
    }),
  );
}
