import { defineDomain } from '../../index.ts';
import { Customer, registerCustomer, renameCustomer } from './customer.ts';
import { customersGraphql } from './graphql.ts';
import { customers } from './read-models.ts';

export { Customer, registerCustomer, renameCustomer } from './customer.ts';
export { customers } from './read-models.ts';

export const customersDomain = defineDomain({
  name: 'customers',
  aggregates: [Customer],
  commands: [registerCustomer, renameCustomer],
  projections: [customers],
  graphql: customersGraphql,
});
