import type { Api } from '../../../src/graphql/api.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';

/** What a request costs that asks for nothing: everything around a mutation, and around a query, but the work. */
export const nothingDomain = defineDomain({
  name: 'nothing',
  aggregates: [],
  commands: [],
  projections: [],
  graphql: ({ builder }: Api) => {
    builder.mutationField('doNothing', (t) => t.int({ description: 'Answers 1.', resolve: () => 1 }));
    builder.queryField('nothing', (t) => t.int({ description: 'Answers 1.', resolve: () => 1 }));
  },
});
