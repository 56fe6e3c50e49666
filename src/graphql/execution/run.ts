import type { GraphQLFieldResolver, GraphQLResolveInfo } from 'graphql';
import type { Execution, FieldPath, FieldPlan } from './types.ts';

export type Resolver = GraphQLFieldResolver<unknown, Execution['context']>;

/** The place of a field or of an element of a list. */
export function pathTo(prev: FieldPath | undefined, key: string | number, typename: string | undefined): FieldPath {
  return { prev, key, typename };
}

/** What resolvers are told about the field. */
export function infoOf(run: Execution, { field, nodes, parent }: FieldPlan, path: FieldPath): GraphQLResolveInfo {
  return {
    fieldName: field.name,
    fieldNodes: nodes,
    returnType: field.type,
    parentType: parent,
    path,
    schema: run.schema,
    fragments: run.fragments,
    rootValue: run.root,
    operation: run.operation,
    variableValues: run.variables as GraphQLResolveInfo['variableValues'],
  };
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function'
  );
}
