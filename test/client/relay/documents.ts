import { CUSTOMER, LIVE_CUSTOMER, RENAME, RENAME_AND_FAIL, RENAME_AND_READ } from '../documents.ts';

/** Relay wants the names of operations to begin with their module, and to end with their kind. */
const named = (document: string, name: string) => document.replace(/(query|mutation|subscription) \w+/, `$1 ${name}`);

/** The documents of the tests, as relay-compiler takes them. */
export const DOCUMENTS: readonly string[] = [
  named(CUSTOMER, 'shopCustomerQuery'),
  'query shopReadQuery($id: ID!) { customer(id: $id) @catch { __typename id name version } }',
  named(RENAME, 'shopRenameMutation'),
  named(RENAME_AND_READ, 'shopRenameAndReadMutation'),
  named(RENAME_AND_FAIL, 'shopRenameAndFailMutation'),
  named(LIVE_CUSTOMER, 'shopCustomerSubscription'),
  'query shopNodeQuery($id: ID!) { node(id: $id) { id ... on Customer { name version } } }',
  'query shopAuthorQuery($id: ID!) { author(id: $id) { __typename id displayName } }',
  'query shopMoneyQuery { products(first: 1) { nodes { price { amount } } } }',
  `fragment shop_customers on Query @argumentDefinitions(first: { type: "Int!" }, after: { type: "String" }) {
    customers(first: $first, after: $after, sort: REGISTERED_AT_DESC) @connection(key: "shop_customers") {
      edges { node { id name } }
    }
  }`,
  'query shopListQuery($first: Int!, $after: String) { ...shop_customers @arguments(first: $first, after: $after) }',
  `subscription shopListSubscription($first: Int!, $after: ConsistencyToken) {
    live(after: $after) { ...shop_customers @arguments(first: $first) }
  }`,
];
