import type { Api } from '../../../src/graphql/api.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';

/** Requests that ask for nothing. They cost everything of a mutation, or of a query, except for its work. */
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
