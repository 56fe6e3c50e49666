import type postgres from 'postgres';
import type { PoolRole } from '../../../src/database/client.ts';
import { loginNameOf } from '../../../src/database/roles/names.ts';

/** The name of the role that a part of this database logs in as. */
export async function roleOf(sql: postgres.Sql, part: PoolRole | 'owner'): Promise<string> {
  const [row] = await sql<{ oid: string }[]>`
    select oid::int8::text as oid from pg_database where datname = current_database()`;
  return loginNameOf(part, Number(row?.oid));
}
