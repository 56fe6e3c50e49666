import type { FieldMap, ObjectFieldBuilder, ObjectRef, QueryFieldBuilder } from '@pothos/core';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { StoredRow } from '../../kernel/define/read-model/read-table.ts';
import type { Builder } from '../builder.ts';
import type { VersionRow } from '../read/versions/version-row.ts';

/** The types that Pothos' builder knows. */
export type Types = Builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** The part of a field's builder that makes arguments. */
export type ArgumentBuilder = Pick<QueryFieldBuilder<Types, object>, 'arg'>;

/** The fields of a type over the rows of a read model. */
export type RowFields<Row> = (t: ObjectFieldBuilder<Types, Row>) => FieldMap;

/** An object type that is resolved from the rows of a read model. */
export interface ReadModelType<Table extends PgTable = PgTable> {
  readonly projection: Projection<Table>;
  readonly ref: ObjectRef<Types, StoredRow<Table>, StoredRow<Table>>;
  /** As its author declares them. */
  readonly fields: RowFields<StoredRow<Table>>;
  /** Expected size of a row in bytes, if it may be large. */
  readonly bytes: number | undefined;
  /** Whether its rows have the key of something else, and so an `id` of their own. */
  readonly hasOwnId: boolean;
}

/** An object type that is resolved from the versions of the rows of a read model, former ones and present ones. */
export interface VersionType<Table extends PgTable = PgTable> {
  /** Tells it from the type of the rows. */
  readonly isOfVersions: true;
  readonly projection: Projection<Table>;
  readonly ref: ObjectRef<Types, StoredRow<Table> & VersionRow, StoredRow<Table> & VersionRow>;
}
