import { defaultFieldResolver, type GraphQLSchema, isNonNullType } from 'graphql';

/**
 * The root that queries resolve from. Within a receipt (`CommandReceipt.query`) it knows whether the read models reached the
 * command in time.
 */
export interface QueryRoot {
  /** Why they did not. */
  readonly timeout?: Error | undefined;
}

/**
 * A mutation that was accepted never fails because a read model lags. So where a receipt's `query` was not reached in time,
 * each of its fields that may be null is null with the error, and what may not be null answers what there is; the answer
 * is marked `stale` either way, and the receipt arrives.
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
