import { type GraphQLObjectType, parse } from 'graphql';
import { createSchema } from 'graphql-yoga';
import type { Context } from '../../../src/graphql/context.ts';
import { fresh, unwrap } from '../../../src/graphql/live/fresh.ts';
import { liveRow } from '../../../src/graphql/live/rows/live-row.ts';
import { ROW_MESSAGES } from '../../../src/graphql/live/rows/row-plan.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { counters } from '../../support/kernel/counter.ts';

const SCHEMA = `
  enum Kind { SMALL LARGE }
  type Counter { value: Int, who: String, fails: Int, flaky: Int, isOf(kinds: [Kind!]): Boolean }
  type Query { nothing: Int }
  type Subscription { counterUpdated(id: ID!, after: String): Counter }
`;

type CounterResolver = (counter: { readonly value: number }, args: object, context: Context) => unknown;

/** A schema whose only subscription is to the row of a counter. */
export function counterSchema(counter: Readonly<Record<string, CounterResolver>>) {
  const schema = createSchema<Context>({
    typeDefs: SCHEMA,
    resolvers: {
      Counter: counter,
      Subscription: {
        counterUpdated: {
          subscribe: (_: unknown, { id }: { id: string }, context: Context) =>
            fresh(context, liveRow(counters as unknown as Projection, id, undefined, context)) as never,
          resolve: (message: never) => unwrap<{ row: unknown }>(message).row,
        },
      },
    },
  });
  const field = (schema.getSubscriptionType() as GraphQLObjectType).getFields().counterUpdated;
  if (field) field.extensions = { [ROW_MESSAGES]: true, readModels: ['counters', 'others'] };
  return schema;
}

const documents = new Map<string, ReturnType<typeof parse>>();
export function documentOf(text: string) {
  const document = documents.get(text) ?? parse(text);
  documents.set(text, document);
  return document;
}
