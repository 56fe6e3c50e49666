import { createAfterwrite } from '@afterwrite/client';
import { graphcacheConfig } from '@afterwrite/client/graphcache';
import { afterwriteExchange } from '@afterwrite/client/urql';
import { Client } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { createClient } from 'graphql-ws';

export function createUrql(url: string, auth: () => string | undefined) {
  const afterwrite = createAfterwrite({ url, auth, sockets: createClient });
  const cache = cacheExchange(graphcacheConfig({ connections: { Query: ['orders'] } }));
  const exchanges = [cache, afterwriteExchange(afterwrite)];
  return { afterwrite, client: new Client({ url, preferGetMethod: false, exchanges }) };
}
