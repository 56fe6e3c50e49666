import type { ObjectRef, QueryFieldBuilder } from '@pothos/core';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { StoredRow } from '../../kernel/define/read-model/read-table.ts';
import type { Builder } from '../builder.ts';

/** The types that Pothos' builder knows. */
export type Types = Builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** The part of a field's builder that makes arguments. */
export type ArgumentBuilder = Pick<QueryFieldBuilder<Types, object>, 'arg'>;

/** An object type that is resolved from the rows of a read model. */
export interface ReadModelType<Table extends PgTable = PgTable> {
  readonly projection: Projection<Table>;
  readonly ref: ObjectRef<Types, StoredRow<Table>, StoredRow<Table>>;
}
