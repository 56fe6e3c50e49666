import listFragment from 'compiled/shop_customers.graphql.ts';
import customerQuery from 'compiled/shopCustomerQuery.graphql.ts';
import liveCustomer from 'compiled/shopCustomerSubscription.graphql.ts';
import listQuery from 'compiled/shopListQuery.graphql.ts';
import liveList from 'compiled/shopListSubscription.graphql.ts';
import readQuery from 'compiled/shopReadQuery.graphql.ts';
import renameMutation from 'compiled/shopRenameAndReadMutation.graphql.ts';
import { createClient } from 'graphql-ws';
import {
  type ConcreteRequest,
  commitMutation,
  createOperationDescriptor,
  Environment,
  fetchQuery,
  getSingularSelector,
  RecordSource,
  requestSubscription,
  Store,
  type Variables,
} from 'relay-runtime';
import { relayConfig, showLive } from '../../../../client/src/relay.ts';
import { open } from './open.ts';
import { type CustomerView, type ListView, namesIn } from './shop.ts';

/** A customer that was read with `@catch`. */
interface CaughtView {
  readonly customer:
    | { readonly ok: true; readonly value: CustomerView['customer'] }
    | { readonly ok: false; readonly errors: readonly object[] };
}

// Subscriptions go over a WebSocket.
open({ sockets: createClient }, (afterwrite) => {
  const connect = () =>
    new Environment({
      ...relayConfig(afterwrite, { fields: { customer: 'Customer' } }),
      store: new Store(new RecordSource()),
    });
  let environment = connect();
  const history: (string | undefined)[] = [];
  let endings = 0;
  const subscribe = (subscription: ConcreteRequest, variables: Variables) =>
    requestSubscription(environment, {
      ...{ subscription, variables, updater: showLive },
      onCompleted: () => endings++,
      onError: () => endings++,
    });
  const fetchOnce = <View>(query: ConcreteRequest, variables: Variables) =>
    fetchQuery(environment, query, variables).toPromise() as Promise<View>;
  const lookup = (query: ConcreteRequest, variables: Variables) => {
    const operation = createOperationDescriptor(query, variables);
    // As a component does before it asks the server: an object that is known by its id is found.
    environment.check(operation);
    return environment.lookup(operation.fragment);
  };
  const shown = (id: string) => (lookup(customerQuery, { id }).data as unknown as CustomerView).customer?.name;
  /** The list as a component with the fragment shows it. */
  const list = () => {
    const selector = getSingularSelector(listFragment, lookup(listQuery, { first: 2 }).data);
    return selector ? (environment.lookup(selector).data as unknown as ListView) : undefined;
  };
  return {
    rename: (id, name) =>
      new Promise((resolve, reject) => {
        const onCompleted = () => resolve();
        commitMutation(environment, {
          mutation: renameMutation,
          variables: { id, name },
          onCompleted,
          onError: reject,
        });
      }),
    read: async (id) => {
      const { customer } = await fetchOnce<CaughtView>(readQuery, { id });
      if (!customer.ok) throw new Error(JSON.stringify(customer.errors));
      return customer.value?.name;
    },
    shown,
    watch: (id) => {
      subscribe(liveCustomer, { id });
      environment.subscribe(lookup(customerQuery, { id }), ({ data }) =>
        history.push((data as unknown as CustomerView).customer?.name),
      );
    },
    history: () => history,
    list: () => fetchOnce(listQuery, { first: 2 }),
    more: () => fetchOnce(listQuery, { first: 1, after: list()?.customers.pageInfo.endCursor }),
    watchList: () => void subscribe(liveList, { first: 3 }),
    listed: () => namesIn(list()),
    endings: () => endings,
    clear: async () => {
      environment = connect();
    },
  };
});
