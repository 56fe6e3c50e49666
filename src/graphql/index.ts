// The face of the product for a domain's types, queries and subscriptions.
export type { Api, DomainGraphql } from './api.ts';
export type { Context } from './context.ts';
export { printedSchema, schemaOf } from './schema.ts';
export type { ReadModelType, VersionType } from './shapes/read-model-type.ts';
