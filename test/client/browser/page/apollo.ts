import { ApolloClient, gql } from '@apollo/client';
import { createClient } from 'graphql-ws';
import { afterwriteCache, afterwriteLink } from '../../../../client/src/apollo.ts';
import { open } from './open.ts';
import { CUSTOMER, type CustomerView, LIST, LIVE_CUSTOMER, LIVE_LIST, type ListView, namesIn, RENAME } from './shop.ts';

// Subscriptions go over a WebSocket.
open({ sockets: createClient }, (afterwrite) => {
  const client = new ApolloClient({
    link: afterwriteLink(afterwrite),
    cache: afterwriteCache({ connections: { Query: ['customers'] } }),
  });
  const history: (string | undefined)[] = [];
  let endings = 0;
  const subscribe = (query: string, variables: Record<string, unknown>) =>
    client.subscribe({ query: gql(query), variables }).subscribe({ complete: () => endings++, error: () => endings++ });
  let more: () => Promise<unknown> = () => Promise.reject(new Error('There is no list.'));
  const list = () => client.readQuery<ListView>({ query: gql(LIST), variables: { first: 2 } });
  const shown = (id: string) =>
    client.readQuery<CustomerView>({ query: gql(CUSTOMER), variables: { id } })?.customer?.name;
  return {
    rename: async (id, name) => void (await client.mutate({ mutation: gql(RENAME), variables: { id, name } })),
    read: async (id) => {
      const query = gql(CUSTOMER);
      const { data } = await client.query<CustomerView>({ query, variables: { id }, fetchPolicy: 'network-only' });
      return data?.customer?.name;
    },
    shown,
    watch: (id) => {
      subscribe(LIVE_CUSTOMER, { id });
      client
        .watchQuery<CustomerView>({ query: gql(CUSTOMER), variables: { id }, fetchPolicy: 'cache-only' })
        .subscribe(({ data }) => history.push((data as CustomerView | undefined)?.customer?.name));
    },
    history: () => history,
    list: async () => {
      const first = { query: gql(LIST), variables: { first: 2 } };
      await client.query<ListView>(first);
      const watching = client.watchQuery<ListView>(first);
      watching.subscribe(() => {});
      more = () => watching.fetchMore({ variables: { first: 1, cursor: list()?.customers.pageInfo.endCursor } });
    },
    more: async () => void (await more()),
    watchList: () => void subscribe(LIVE_LIST, { first: 3 }),
    listed: () => namesIn(list()),
    endings: () => endings,
    clear: async () => void (await client.clearStore()),
  };
});
