import { Client, cacheExchange, fetchExchange, gql } from '@urql/core';
import { expect, it } from 'vitest';
import { accepted, registerCustomer } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const makeClient = (headers: Record<string, string> = {}) =>
  new Client({ url: `${app.url}/graphql`, exchanges: [cacheExchange, fetchExchange], fetchOptions: { headers } });

const CUSTOMER = gql`
  query Customer($id: ID!) {
    customer(id: $id) {
      id
      ...Name
    }
  }
  fragment Name on Customer {
    name
    version
  }
`;

it('works with urql as it is: queries with fragments, by GET if it chooses to, and mutations', async () => {
  const client = makeClient();
  const mutation = gql`
    mutation Register($input: RegisterCustomerInput!) {
      registerCustomer(input: $input) {
        ... on CommandReceipt { aggregateId token query { projections { name } } }
        ... on Error { code message }
      }
    }
  `;
  const registered = await client.mutation(mutation, { input: { name: 'Ada', email: 'ada@example.org' } }).toPromise();
  expect(registered.error).toBeUndefined();
  const { aggregateId: id, token } = registered.data.registerCustomer;
  expect(registered.extensions?.consistency.token).toBe(token);

  const fresh = makeClient({ 'read-after': token });
  const read = await fresh.query(CUSTOMER, { id }).toPromise();
  expect(read.error).toBeUndefined();
  expect(read.data.customer).toEqual({ __typename: 'Customer', id, name: 'Ada', version: 1 });
  expect(read.extensions?.consistency).toEqual({ token: expect.any(String), stale: false });
});

it('gives urql errors that it understands', async () => {
  const client = makeClient();
  const { error, data } = await client.query(CUSTOMER, { id: 'nobody' }).toPromise();
  expect(data?.customer ?? null).toBeNull();
  expect(error?.networkError).toBeUndefined();
  expect(error?.graphQLErrors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
});

it('takes a document with @readAfter from urql', async () => {
  const { aggregateId: id } = await registerCustomer(app);
  const { token } = await accepted(app, 'renameCustomer', { customerId: id, name: 'Countess' });
  const query = gql`
    query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 5000, onTimeout: ERROR) {
      customer(id: $id) { name }
    }
  `;
  const { data, error } = await makeClient().query(query, { id, token }).toPromise();
  expect(error).toBeUndefined();
  expect(data.customer).toMatchObject({ name: 'Countess' });
});
