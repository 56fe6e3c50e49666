import { createAfterwrite } from '@afterwrite/client';
import { relayConfig } from '@afterwrite/client/relay';
import { createClient } from 'graphql-ws';
import { Environment, RecordSource, Store } from 'relay-runtime';

export function createRelay(url: string, auth: () => string | undefined) {
  const afterwrite = createAfterwrite({ url, auth, sockets: createClient });
  const store = new Store(new RecordSource());
  const config = relayConfig(afterwrite, { fields: { order: 'Order', customer: 'Customer' }, sharedIds: ['Author'] });
  return { afterwrite, environment: new Environment({ ...config, store }) };
}
