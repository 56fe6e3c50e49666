import { type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import type { Projection } from '../../define/read-model/projection.ts';

/** The schema of all read models. */
export const READ_SCHEMA = 'read';

/** The tables that a projection fills, in the order in which they are locked. */
export function tablesOf({ table, history }: Pick<Projection, 'table' | 'history'>): readonly PgTable[] {
  return history ? [table, history] : [table];
}

/** Tables as a statement lists them. */
export function listed(tables: readonly PgTable[]): SQL {
  return sql.join(
    tables.map((table) => sql`${table}`),
    sql`, `,
  );
}

/** True if a table has no rows. */
export async function isEmpty(db: Database, table: PgTable): Promise<boolean> {
  const [row] = await db.execute<{ empty: boolean }>(sql`select not exists (select from ${table}) as empty`);
  return row?.empty ?? false;
}
