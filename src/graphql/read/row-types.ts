import type { PgTable } from 'drizzle-orm/pg-core';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { StoredRow } from '../../kernel/define/read-model/read-table.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import type { Page } from './pages/page-shape.ts';
import type { VersionRow } from './versions/version-row.ts';

/** A row of a projection. */
export type RowOfProjection<P> = P extends Projection<infer Table extends PgTable> ? StoredRow<Table> : never;

/** A version of a row of a projection. */
export type VersionOf<P> = RowOfProjection<P> & VersionRow;

/** A row, and the read model that it is of. */
export interface NodeRow {
  readonly projection: Projection;
  readonly row: RowValues;
}

/** A list: a page of it, and its length. */
export interface CountedPage<Node> extends Page<Node> {
  /** Counts all elements of the list, on every page of it. */
  totalCount(): Promise<number>;
}
