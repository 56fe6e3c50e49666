import { createAfterwrite } from '@afterwrite/client';
import { createFetch } from '@afterwrite/client/fetch';

export function createGraphql(url: string, auth: () => string | undefined) {
  return createFetch(createAfterwrite({ url, auth }));
}
