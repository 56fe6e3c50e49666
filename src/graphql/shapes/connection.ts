import type { ObjectRef } from '@pothos/core';
import type { Builder } from '../builder.ts';
import type { ReadModelExtensions } from '../consistency/touched.ts';
import type { SizeExtensions } from '../limits/sizes.ts';
import { DEFAULT_PAGE, type Edge, MAX_PAGE, type Page } from '../read/pages/page-shape.ts';
import type { CountedPage } from '../read/row-types.ts';
import type { ArgumentBuilder, Types } from './read-model-type.ts';

/** Cost of counting a list, in points: Postgres may have to visit all of its rows. */
const COUNT_POINTS = 50;

/** The arguments `first` and `after` of a list that can only be read forwards. */
export function forwardArguments(t: ArgumentBuilder) {
  return {
    first: t.arg.int({
      description: `The number of elements from the beginning: ${DEFAULT_PAGE} by default, at most ${MAX_PAGE}.`,
    }),
    after: t.arg.string({ description: 'Only what comes after this cursor.' }),
  };
}

/** The arguments of a Relay connection. */
export function pageArguments(t: ArgumentBuilder) {
  return {
    ...forwardArguments(t),
    last: t.arg.int({ description: `The number of elements from the end, at most ${MAX_PAGE}.` }),
    before: t.arg.string({ description: 'Only what comes before this cursor.' }),
  };
}

/** Adds the types `NameConnection` and `NameEdge`. */
export function addConnection<Node>(
  builder: Builder,
  name: string,
  options: {
    readonly type: ObjectRef<Types, Node, Node>;
    readonly pageInfo: ObjectRef<Types, Page<unknown>['pageInfo']>;
    /** The name of the list's items, in the plural. */
    readonly plural: string;
    readonly extensions: ReadModelExtensions;
  },
) {
  const { type, pageInfo, plural, extensions } = options;
  const EdgeType = builder.objectRef<Edge<Node>>(`${name}Edge`).implement({
    description: `A place in a list of ${plural}.`,
    extensions,
    fields: (t) => ({
      node: t.expose('node', { type, description: 'The element.' } as never),
      cursor: t.exposeString('cursor', { description: 'Identifies the place: pass it as `after` or `before`.' }),
    }),
  });
  return builder.objectRef<CountedPage<Node>>(`${name}Connection`).implement({
    description: `A page of a list of ${plural}, and the length of the list.`,
    extensions,
    fields: (t) => ({
      edges: t.field({ type: [EdgeType], description: 'The page, in order.', resolve: ({ edges }) => [...edges] }),
      nodes: t.field({
        type: [type],
        description: 'The elements of the page, in order: the same as `edges { node }`.',
        resolve: ({ edges }) => edges.map(({ node }) => node) as never,
      }),
      totalCount: t.field({
        type: 'SafeInt',
        description: 'How many elements the list has in all. They are counted only if this is asked for.',
        extensions: { points: COUNT_POINTS } satisfies SizeExtensions,
        resolve: (list) => list.totalCount(),
      }),
      pageInfo: t.field({
        type: pageInfo,
        description: 'Whether the list continues before and after this page.',
        resolve: ({ pageInfo: info }) => info,
      }),
    }),
  });
}
