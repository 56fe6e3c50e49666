import type { Api } from '../../graphql/index.ts';
import { customers } from './read-models.ts';

export function customersGraphql(api: Api): void {
  const Customer = api.readModel('Customer', customers, {
    description: 'A customer, who orders.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The author’s id.' }),
      name: t.exposeString('name', { description: 'The name.' }),
      email: t.exposeString('email', { description: 'The e-mail address.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
  api.queryByKey('customer', Customer, 'A customer; null if there is none that you may see.');
}
