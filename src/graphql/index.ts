// The face of the product for a domain's types, queries and subscriptions.
export type { Api, DomainGraphql, ReadModelType } from './api.ts';
export type { Context } from './context.ts';
export { printedSchema, schemaOf } from './schema.ts';
