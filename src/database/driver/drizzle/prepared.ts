import type { SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type { Database } from '../../client.ts';
import { releasedRows } from '../released-rows.ts';

const dialect = new PgDialect();

/**
 * A statement that every connection prepares once: one round trip and no planning afterwards. Drizzle prepares only what comes
 * out of its query builder, and sends hand-written SQL to be planned each time, whatever the client's `prepare` says.
 *
 * https://github.com/drizzle-team/drizzle-orm/issues/6096
 * @param template SQL with `sql.placeholder('name')` for its parameters.
 */
export function prepared<Row>(
  db: Database,
  name: string,
  template: SQL,
): (parameters: Record<string, unknown>) => Promise<Row[]> {
  const query = db._.session.prepareQuery<{ execute: Row[]; all: unknown; values: unknown }>(
    dialect.sqlToQuery(template),
    undefined,
    name,
    false,
  );
  return async (parameters) => releasedRows(await query.execute(parameters));
}
