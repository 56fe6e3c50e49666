import { createAfterwrite } from '@afterwrite/client';
import { graphcacheConfig } from '@afterwrite/client/graphcache';
import { afterwriteExchange } from '@afterwrite/client/urql';
import { Client } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';

export function createUrql(url: string, auth: () => string | undefined) {
  const afterwrite = createAfterwrite({ url, auth });
  const exchanges = [cacheExchange(graphcacheConfig()), afterwriteExchange(afterwrite)];
  return { afterwrite, client: new Client({ url, preferGetMethod: false, exchanges }) };
}
