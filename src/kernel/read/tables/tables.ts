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

/** Locks a projection's tables. Every writer locks tables before their checkpoint, so that no two wait for each other. */
export async function lockForWriting(tx: Database, projection: Pick<Projection, 'table' | 'history'>): Promise<void> {
  await tx.execute(sql`lock table ${listed(tablesOf(projection))} in row exclusive mode`);
}

/** True if a table has no rows. */
export async function isEmpty(db: Database, table: PgTable): Promise<boolean> {
  const [row] = await db.execute<{ empty: boolean }>(sql`select not exists (select from ${table}) as empty`);
  return row?.empty ?? false;
}
