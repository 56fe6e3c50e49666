import { Client, cacheExchange, fetchExchange, makeOperation, mapExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import { type Consistency, Freshness, isOutdated } from './freshness.ts';

/** An urql client that reads its own writes; subscriptions go over WebSocket. */
export function createUrqlClient(url: string, accessToken: () => string | undefined): Client {
  const freshness = new Freshness();
  const authorization = (): Record<string, string> => {
    const token = accessToken();
    return token ? { authorization: `Bearer ${token}` } : {};
  };
  const sockets = createClient({
    url: url.replace(/^http/, 'ws'),
    connectionParams: authorization,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
  });
  const readYourWrites = mapExchange({
    onOperation: (operation) => {
      const waitedFor = operation.kind === 'query' ? freshness.tokens : [];
      const headers = { ...authorization(), ...(waitedFor.length > 0 && { 'read-after': waitedFor.join(', ') }) };
      return makeOperation(operation.kind, operation, { ...operation.context, waitedFor, fetchOptions: { headers } });
    },
    onResult: ({ operation: { kind, context }, extensions, error }) => {
      const consistency = extensions?.consistency as Consistency | undefined;
      const waitedFor = (context.waitedFor as string[] | undefined) ?? [];
      if (error?.graphQLErrors.some(({ extensions }) => isOutdated(extensions.code))) freshness.forget(waitedFor);
      if (consistency && kind === 'mutation') freshness.wrote(consistency);
      if (consistency && kind === 'query' && !error) freshness.read(consistency, waitedFor);
    },
  });
  const subscriptions = subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({
        unsubscribe: sockets.subscribe(
          { query: query ?? '', variables },
          sink as Parameters<typeof sockets.subscribe>[1],
        ),
      }),
    }),
  });
  return new Client({
    url,
    preferGetMethod: false,
    exchanges: [cacheExchange, readYourWrites, fetchExchange, subscriptions],
  });
}
