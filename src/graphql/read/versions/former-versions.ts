import { and, asc, desc, eq, getTableColumns, gt, type SQL, sql } from 'drizzle-orm';
import { alias, type PgColumn } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { Moment } from './moment.ts';
import { type VersionRow, versionColumns } from './version-row.ts';

/** Former versions of rows, by the key of their row: one index lookup, and one more for each omitted long value. */
export class FormerVersions {
  readonly #db: Database;
  readonly #queries = new Map<string, (parameters: Record<string, unknown>) => Promise<VersionRow[]>>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** The version that was valid at a time, or that has a number; null if no former version fits. */
  async find(projection: Projection, key: string, moment: Moment): Promise<VersionRow | null> {
    const by = 'at' in moment ? 'time' : 'version';
    const name = `${projection.name}_history_by_${by}`;
    let query = this.#queries.get(name);
    if (!query) {
      query = this.#prepare(name, projection, by);
      this.#queries.set(name, query);
    }
    const [row] = await query({ key, ...('at' in moment ? { at: moment.at.toISOString() } : moment) });
    // The first version that ends after a time may also begin after it: then there was no row.
    if (!row || ('at' in moment && row.validFrom > moment.at)) return null;
    return row;
  }

  #prepare(name: string, projection: Projection, by: 'time' | 'version') {
    const { history, key } = projection;
    const [only, ...more] = key;
    if (!history) throw new Error(`Read model ${projection.name} keeps no history.`);
    if (!only || more.length > 0) throw new Error(`Rows of ${projection.name} have a key of several columns.`);
    const version = alias(history, 'former');
    const columns = getTableColumns(version) as Record<string, PgColumn>;
    const { fromPosition, validUntil } = version;
    const isRow = eq(columns[only.property] as PgColumn, sql.placeholder('key'));
    const [where, order]: [SQL, SQL[]] =
      by === 'time'
        ? [gt(validUntil, sql`${sql.placeholder('at')}::timestamptz`), [asc(validUntil), asc(fromPosition)]]
        : [eq(columns.version as PgColumn, sql.placeholder('version')), [desc(fromPosition)]];
    const query = this.#db
      .select(versionColumns(projection, 'former'))
      .from(version)
      .where(and(isRow, where))
      .orderBy(...order)
      .limit(1)
      .prepare(name);
    return async (parameters: Record<string, unknown>) => {
      const rows = await query.execute(parameters);
      // A former version includes everything that happened while it was valid.
      return rows.map((row) => ({ ...row, staleSince: null }) as unknown as VersionRow);
    };
  }
}
