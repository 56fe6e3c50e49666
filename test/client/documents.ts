export const REGISTER = /* GraphQL */ `
  mutation Register($id: ID!, $name: String!, $commandId: ID) {
    registerCustomer(input: { id: $id, name: $name, email: "ada@example.org" }, commandId: $commandId) {
      __typename
      ... on CommandReceipt { commandId version token replayed }
      ... on Error { code message }
      ... on ValidationError { issues { path message } }
    }
  }`;
export const RENAME = /* GraphQL */ `
  mutation Rename($id: ID!, $name: String!, $commandId: ID) {
    renameCustomer(input: { customerId: $id, name: $name }, commandId: $commandId) {
      __typename
      ... on CommandReceipt { commandId version token replayed }
      ... on Error { code message }
    }
  }`;
export const CUSTOMER = 'query Customer($id: ID!) { customer(id: $id) { __typename id name version } }';
export const LIVE_CUSTOMER = /* GraphQL */ `
  subscription LiveCustomer($id: ID!, $after: ConsistencyToken) {
    live(after: $after) { __typename customer(id: $id) { __typename id name version } }
  }`;

export interface CustomerView {
  readonly customer: { readonly id: string; readonly name: string; readonly version: number } | null;
}
export interface LiveCustomerView {
  readonly live: CustomerView;
}
/** Reads in the receipt what was written. */
export const RENAME_AND_READ = /* GraphQL */ `
  mutation RenameAndRead($id: ID!, $name: String!, $commandId: ID) {
    renameCustomer(input: { customerId: $id, name: $name }, commandId: $commandId) {
      ... on CommandReceipt { token query { customer(id: $id) { id name version } } }
      ... on Error { code message }
    }
  }`;
/** The list must not be null, and is refused. */
export const RENAME_AND_FAIL = /* GraphQL */ `
  mutation RenameAndFail($id: ID!, $name: String!, $commandId: ID) {
    renameCustomer(input: { customerId: $id, name: $name }, commandId: $commandId) {
      ... on CommandReceipt { token query { notes(first: 1, after: "no cursor") { edges { cursor } } } }
      ... on Error { code message }
    }
  }`;
/** Customers, the newest first. */
export const LIST = /* GraphQL */ `
  query Customers($first: Int!, $after: String) {
    customers(first: $first, after: $after, sort: REGISTERED_AT_DESC) {
      edges { cursor node { id name } }
      pageInfo { hasNextPage endCursor }
    }
  }`;
export const LIVE_LIST = /* GraphQL */ `
  subscription LiveCustomers($first: Int!, $after: ConsistencyToken) {
    live(after: $after) {
      customers(first: $first, sort: REGISTERED_AT_DESC) { edges { cursor node { id name } } pageInfo { hasNextPage endCursor } }
    }
  }`;

export interface ListView {
  readonly customers: {
    readonly edges: readonly { readonly node: { readonly id: string; readonly name: string } }[];
    readonly pageInfo: { readonly endCursor: string; readonly startCursor?: string; readonly hasNextPage?: boolean };
  };
}
