/**
 * TypeScript's types of the product's scalars, for `scalars` of graphql-codegen. Without them money, dates and tokens are
 * `any` or `unknown`. Add those of your application: `{ ...scalars, ISBN: 'string' }`.
 */
export const scalars = {
  /** A place in the log: pass it on as it is. */
  ConsistencyToken: 'string',
  /** An instant as ISO 8601 in UTC, with milliseconds. */
  DateTime: 'string',
  /** A whole number up to 2^53 - 1, for example an amount in minor units. */
  SafeInt: 'number',
} as const;

/** The same as a type, for `scalars` of gql.tada. */
export interface Scalars {
  ConsistencyToken: string;
  DateTime: string;
  SafeInt: number;
}
