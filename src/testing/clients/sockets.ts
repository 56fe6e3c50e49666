import { createClient, type Client as SocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { Feed, type FeedMessage } from './feed.ts';

/**
 * The client of graphql-ws, which does not try again.
 * @param params what it sends along when it connects, besides the token.
 */
export function socketClient(
  url: string,
  token?: string,
  params: Readonly<Record<string, unknown>> = {},
): SocketClient {
  return createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { ...params, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    // The end of a connection is what some tests are about.
    onNonLazyError: () => {},
  });
}

/** Closes a client. If it is still connecting, it rejects, which is ignored. */
export async function disposeOf(client: SocketClient): Promise<void> {
  await Promise.resolve(client.dispose()).catch(() => undefined);
}

/** Subscribes through a client of graphql-ws. */
export function subscribeWith<Data>(
  client: SocketClient,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
): Feed<Data> {
  const feed = new Feed<Data>(() => stop());
  const stop = client.subscribe<Data>(
    { query, variables },
    {
      next: (message) => feed.push(message as FeedMessage<Data>),
      complete: () => feed.finish({ how: 'complete' }),
      error: (error) => {
        if (Array.isArray(error)) {
          feed.push({ errors: error });
          feed.finish({ how: 'complete' });
        } else {
          const { code, reason } = error as { code: number; reason: string };
          feed.finish({ how: 'closed', code, reason });
        }
      },
    },
  );
  return feed;
}
