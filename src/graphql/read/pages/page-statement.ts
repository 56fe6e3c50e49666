import { and, type SQL, type SQLWrapper } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { mapped, rowMapper } from '../../../database/driver/drizzle/mapped.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import type { SelectedColumns } from '../selected-columns.ts';
import { type Cut, LIMIT } from './cut.ts';

/** Reads the rows of a page, in reading order, and one more if there is more. */
export type PageStatement = (parameters: Readonly<Record<string, unknown>>) => Promise<RowValues[]>;

export function pageQuery(db: Database, projection: Projection, cut: Cut, conditions: readonly SQL[]) {
  return db
    .select(cut.selected.columns)
    .from(projection.table)
    .where(and(...conditions, cut.where()))
    .orderBy(...cut.columns.map((column) => cut.order(column)))
    .limit(LIMIT);
}

/** A statement that is prepared once. */
export function rowsOf(
  db: Database,
  name: string,
  query: SQLWrapper,
  { columns, prototype }: SelectedColumns,
): PageStatement {
  const toRow = rowMapper(columns, prototype);
  return mapped(db, name, query, (rows) => rows.map((values) => toRow(values)));
}
