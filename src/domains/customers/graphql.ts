import type { Api } from '../../graphql/index.ts';
import { customers } from './read-models.ts';

export function customersGraphql(api: Api): void {
  const Customer = api.readModel('Customer', customers, {
    description: 'Somebody who orders.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Her id.' }),
      name: t.exposeString('name', { description: 'What she is called.' }),
      email: t.exposeString('email', { description: 'Where she is written to.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
  api.queryByKey('customer', Customer, 'A customer; null where there is none that you may see.');
}
