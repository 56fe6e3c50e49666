import type { SQL } from 'drizzle-orm';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import { formerColumns } from '../../../kernel/read/fold/former-value.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';

/** A version of a row: a former one, or the row itself, which is the present one. */
export type VersionRow = RowValues & {
  /** Since when it is valid. */
  readonly validFrom: Date;
  /** Until when it was valid, that instant not included. The present version has none. */
  readonly validUntil?: Date;
};

/**
 * The row as its present version.
 * @returns undefined if the row was filled before its history was kept, and has not changed since: nobody knows since
 *   when it is valid.
 */
export function presentVersion(row: RowValues): VersionRow | undefined {
  return row.validFrom instanceof Date ? (row as VersionRow) : undefined;
}

/** The columns of complete former versions, by property, as those of present rows are named. */
export function versionColumns(projection: Projection, alias: string): Record<string, SQL> {
  const { fromPosition, untilPosition: _, ...columns } = formerColumns(projection, alias);
  return { ...columns, ...(fromPosition && { lastPosition: fromPosition }) };
}
