import type { Builder } from '../builder.ts';
import type { Page } from '../read/pages/page-shape.ts';

/** Adds the type `PageInfo`. */
export function addPageInfo(builder: Builder) {
  return builder.objectRef<Page<unknown>['pageInfo']>('PageInfo').implement({
    description: 'The position of a page in its list (Relay).',
    fields: (t) => ({
      hasNextPage: t.exposeBoolean('hasNextPage', { description: 'There is more after this page.' }),
      hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'There is more before this page.' }),
      startCursor: t.exposeString('startCursor', {
        nullable: true,
        description: 'The first edge; null on an empty page.',
      }),
      endCursor: t.exposeString('endCursor', { nullable: true, description: 'The last edge; null on an empty page.' }),
    }),
  });
}
