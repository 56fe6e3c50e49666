import { createAfterwrite } from '@afterwrite/client';
import { afterwriteCache, afterwriteLink } from '@afterwrite/client/apollo';
import { ApolloClient } from '@apollo/client';
import { createClient } from 'graphql-ws';

export function createApollo(url: string, auth: () => string | undefined) {
  const afterwrite = createAfterwrite({ url, auth, sockets: createClient });
  const link = afterwriteLink(afterwrite);
  const cache = afterwriteCache({ connections: { Query: ['orders'], Customer: ['orders'] } });
  return { afterwrite, client: new ApolloClient({ link, cache }) };
}
