import { createAfterwrite } from '@afterwrite/client';
import { queueIn } from '@afterwrite/client/queue';
import { createClient } from 'graphql-ws';

/** One client for the page. `session` is where the application keeps who has signed in. */
export const clientFor = (url: string, session: Session) =>
  createAfterwrite({
    url,
    auth: (rejected) => (rejected === undefined ? session.accessToken : session.refresh()),
    sockets: createClient,
    queue: queueIn(session.storage),
  });

export interface Session {
  readonly accessToken: string | undefined;
  /** Gets another access token from the identity provider; nothing if the user has to sign in again. */
  refresh(): Promise<string | undefined>;
  /** `localStorage` in a page. */
  readonly storage: Storage;
}
