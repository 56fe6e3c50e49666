import { defaultFieldResolver, type GraphQLSchema, isNonNullType } from 'graphql';

/**
 * The root value of queries. In a receipt (`CommandReceipt.query`) it says whether the read models reached the command
 * in time.
 */
export interface QueryRoot {
  /** Why they did not reach it. */
  readonly timeout?: Error | undefined;
}

/**
 * An accepted mutation never fails because a read model lags. If the read models of a receipt's `query` did not reach
 * the command in time, each nullable field is null with the error, and the other fields return the data that is
 * available. The answer is marked `stale`, and the receipt arrives.
 */
export function refuseLateReads(schema: GraphQLSchema): void {
  for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    if (isNonNullType(field.type)) continue;
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = (root: QueryRoot | undefined, ...rest) => {
      if (root?.timeout) throw root.timeout;
      return resolve(root, ...rest);
    };
  }
}
