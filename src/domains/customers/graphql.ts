import type { Api } from '../../graphql/index.ts';
import { containsText } from '../../index.ts';
import { customers, customersTable } from './read-models.ts';

const SORTS = {
  NAME_ASC: { sortBy: customersTable.sortName, direction: 'asc' },
  REGISTERED_AT_DESC: { sortBy: customersTable.registeredAt, direction: 'desc' },
} as const;

export function customersGraphql(api: Api): void {
  const { builder } = api;
  const Customer = api.readModel('Customer', customers, {
    node: true,
    description: 'A customer, who orders.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The customer’s id.' }),
      name: t.exposeString('name', { description: 'The name.' }),
      email: t.exposeString('email', { description: 'The e-mail address.' }),
      registeredAt: t.expose('registeredAt', { type: 'DateTime', description: 'When they were registered.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
  const CustomerConnection = api.connection('Customer', Customer);
  const CustomerFilter = builder.inputType('CustomerFilter', {
    description: 'Filters customers.',
    fields: (t) => ({
      search: t.string({
        description: `All of these words, in any case and also within longer words, occur in the name or the e-mail address.`,
      }),
    }),
  });
  const CustomerSort = builder.enumType('CustomerSort', {
    description: 'A sort order of customers; equal ones are sorted by id.',
    values: {
      NAME_ASC: { description: 'By name, without regard to case and accents.' },
      REGISTERED_AT_DESC: { description: 'The newest first.' },
    } as const,
  });

  api.queryByKey('customer', Customer, 'A customer; null if there is none that you may see.');
  api.subscriptionToRow('customerUpdated', Customer, 'The customer now, and again each time their read model changes.');
  builder.queryField('customers', (t) =>
    t.field({
      type: CustomerConnection,
      nullable: true,
      description: 'Customers that you may see.',
      args: {
        ...api.pageArguments(t),
        filter: t.arg({ type: CustomerFilter, description: 'Only these.' }),
        sort: t.arg({ type: CustomerSort, description: 'NAME_ASC by default.' }),
      },
      resolve: (_, { filter, sort, ...args }, { rows }, info) => {
        const where = api.searchWords(filter?.search).map((word) => containsText(customersTable.searchText, word));
        return rows.page(customers, { args, ...SORTS[sort ?? 'NAME_ASC'], where, info });
      },
    }),
  );
}
