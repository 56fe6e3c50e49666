import SchemaBuilder from '@pothos/core';
import type { QueryRoot } from './consistency/query-root.ts';
import type { Context } from './context.ts';
import { DateTime, SafeInt, Token } from './scalars.ts';

export interface SchemaTypes {
  Context: Context;
  Root: QueryRoot;
  Objects: { Query: QueryRoot };
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string | number };
    DateTime: { Input: Date; Output: Date };
    SafeInt: { Input: number; Output: number };
    ConsistencyToken: { Input: string; Output: string };
  };
}

/** The Pothos builder of the API, with its scalars. Fields are non-null unless they say otherwise. */
export type Builder = ReturnType<typeof createBuilder>;

/** @see https://pothos-graphql.dev */
export function createBuilder() {
  const builder = new SchemaBuilder<SchemaTypes>({ defaultFieldNullability: false });
  builder.addScalarType('DateTime', DateTime);
  builder.addScalarType('SafeInt', SafeInt);
  builder.addScalarType('ConsistencyToken', Token);
  builder.queryType({ description: 'Reads: from read models alone. Add @readAfter to read your own writes.' });
  builder.mutationType({ description: 'Commands. Each returns a receipt, or the reason why it was not accepted.' });
  builder.subscriptionType({ description: 'Live read models, over WebSocket (graphql-ws) or server-sent events.' });
  return builder;
}
