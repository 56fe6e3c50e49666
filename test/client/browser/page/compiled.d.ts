/** What relay-compiler makes of `test/client/relay/documents.ts`. */
declare module 'compiled/shop_customers.graphql.ts' {
  import type { ReaderFragment } from 'relay-runtime';

  const fragment: ReaderFragment;
  export default fragment;
}

declare module 'compiled/*' {
  import type { ConcreteRequest } from 'relay-runtime';

  const request: ConcreteRequest;
  export default request;
}
