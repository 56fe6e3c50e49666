import { Client, createRequest, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { onEnd, pipe, subscribe } from 'wonka';
import { graphcacheConfig } from '../../../../client/src/graphcache.ts';
import { afterwriteExchange } from '../../../../client/src/urql.ts';
import { open } from './open.ts';
import { CUSTOMER, type CustomerView, LIST, LIVE_CUSTOMER, LIVE_LIST, type ListView, namesIn, RENAME } from './shop.ts';

// Subscriptions are server-sent events.
open({}, (afterwrite) => {
  const connect = () =>
    new Client({
      url: 'unused',
      preferGetMethod: false,
      exchanges: [
        cacheExchange(
          graphcacheConfig({ embedded: ['CustomerConnection', 'CustomerEdge'], connections: { Query: ['customers'] } }),
        ),
        afterwriteExchange(afterwrite),
      ],
    });
  let client = connect();
  const history: (string | undefined)[] = [];
  let endings = 0;
  const live = (query: string, variables: Record<string, unknown>) =>
    pipe(
      client.executeSubscription(createRequest(gql(query), variables)),
      onEnd(() => endings++),
      subscribe(() => {}),
    );
  const list = () => client.readQuery<ListView>(gql(LIST), { first: 2 })?.data;
  const shown = (id: string) => client.readQuery<CustomerView>(gql(CUSTOMER), { id })?.data?.customer?.name;
  return {
    rename: async (id, name) => {
      const { error } = await client.mutation(gql(RENAME), { id, name }).toPromise();
      if (error) throw error;
    },
    read: async (id) => {
      const policy = { requestPolicy: 'network-only' as const };
      const { data, error } = await client.query<CustomerView>(gql(CUSTOMER), { id }, policy).toPromise();
      if (error) throw error;
      return data?.customer?.name;
    },
    shown,
    watch: (id) => {
      live(LIVE_CUSTOMER, { id });
      client
        .query<CustomerView>(gql(CUSTOMER), { id }, { requestPolicy: 'cache-only' })
        .subscribe(({ data }) => history.push(data?.customer?.name));
    },
    history: () => history,
    list: async () => {
      await client.query<ListView>(gql(LIST), { first: 2 }).toPromise();
    },
    more: async () => {
      const cursor = list()?.customers.pageInfo.endCursor;
      await client.query<ListView>(gql(LIST), { first: 1, cursor }).toPromise();
    },
    watchList: () => void live(LIVE_LIST, { first: 3 }),
    listed: () => namesIn(list()),
    endings: () => endings,
    clear: async () => {
      client = connect();
    },
  };
});
