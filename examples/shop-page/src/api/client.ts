import { createAfterwrite } from '@afterwrite/client';
import { afterwriteCache, afterwriteLink } from '@afterwrite/client/apollo';
import { queueIn } from '@afterwrite/client/queue';
import { ApolloClient } from '@apollo/client';
import { createClient } from 'graphql-ws';
import { useSyncExternalStore } from 'react';
import { forgetBasket } from '../catalogue/use-basket.ts';
import type { Person } from './people.ts';
import { Session } from './session.ts';

const session = new Session();

export const afterwrite = createAfterwrite({
  url: import.meta.env.VITE_API_URL,
  auth: (rejected) => session.accessToken(rejected),
  sockets: createClient,
  queue: queueIn(),
});

export const apollo = new ApolloClient({ link: afterwriteLink(afterwrite), cache: afterwriteCache() });

/** Who has signed in; undefined if nobody has. */
export const usePerson = () => useSyncExternalStore(session.subscribe, () => session.person);

/** Signs somebody in, in place of whoever was. */
export async function signIn(person: Person): Promise<void> {
  await signOut();
  session.become(person);
  await afterwrite.signIn();
}

/** Nothing that the person has seen remains in the page. */
export async function signOut(): Promise<void> {
  const { person } = session;
  if (!person) return;
  afterwrite.signOut();
  session.become(undefined);
  forgetBasket(person.id);
  await apollo.clearStore();
}
