/** What a test can ask of the page, whichever library it is made with. All of it goes through the library. */
export interface Shop {
  /** Renames a customer, and reads it in the receipt. */
  rename(id: string, name: string): Promise<void>;
  /** Asks the server for a customer's name. */
  read(id: string): Promise<string | undefined>;
  /** The name that the page shows. */
  shown(id: string): string | undefined;
  /** Shows a customer live. */
  watch(id: string): void;
  /** All names that the page has shown of the customer that it watches, oldest first. */
  history(): readonly (string | undefined)[];
  /** Shows the newest customers: a page of two. */
  list(): Promise<void>;
  /** Adds the next customer to the list, by a page of its own. */
  more(): Promise<void>;
  /** Keeps the newest customers live: as many as the page shows. */
  watchList(): void;
  /** The names in the list, newest first. */
  listed(): readonly string[] | undefined;
  /** How often a subscription has ended, for whatever reason. */
  endings(): number;
  /** Forgets what the cache has. */
  clear(): Promise<void>;
}

/** The same, and what only the client itself has. */
export interface Offer extends Shop {
  /** Renames a customer as soon as there is a connection. */
  queue(id: string, name: string): void;
  /** How many commands wait. */
  queued(): number;
  token(): string | undefined;
  signIn(): Promise<void>;
  signOut(): void;
}

/** Customers as a list shows them. */
export interface ListView {
  readonly customers: {
    readonly edges: readonly { readonly node: { readonly name: string } }[];
    readonly pageInfo: { readonly endCursor: string | null };
  };
}

export interface CustomerView {
  readonly customer: { readonly name: string } | null;
}

export const CUSTOMER = 'query Customer($id: ID!) { customer(id: $id) { __typename id name version } }';
export const RENAME = /* GraphQL */ `
  mutation Rename($id: ID!, $name: String!, $commandId: ID) {
    renameCustomer(input: { customerId: $id, name: $name }, commandId: $commandId) {
      __typename
      ... on CommandReceipt { token query { __typename customer(id: $id) { __typename id name version } } }
      ... on Error { code message }
    }
  }`;
export const LIVE_CUSTOMER = /* GraphQL */ `
  subscription LiveCustomer($id: ID!, $after: ConsistencyToken) {
    live(after: $after) { __typename customer(id: $id) { __typename id name version } }
  }`;
const PAGE = 'edges { cursor node { id name version } } pageInfo { hasNextPage endCursor }';
export const LIST = /* GraphQL */ `
  query Customers($first: Int!, $cursor: String) {
    customers(first: $first, after: $cursor, sort: REGISTERED_AT_DESC) { ${PAGE} }
  }`;
export const LIVE_LIST = /* GraphQL */ `
  subscription LiveCustomers($first: Int!, $after: ConsistencyToken) {
    live(after: $after) { customers(first: $first, sort: REGISTERED_AT_DESC) { ${PAGE} } }
  }`;

export const namesIn = (view: ListView | null | undefined): readonly string[] | undefined =>
  view?.customers.edges.map(({ node }) => node.name);
