import DataLoader from 'dataloader';
import { sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Database } from '../../database/client.ts';
import { arrayLiteral, arrayOf } from '../../database/column-arrays.ts';
import { cancelledBy } from '../../database/driver/cancellation.ts';
import type { Projection } from '../../kernel/define/projection.ts';
import { storedColumns } from '../../kernel/define/read-table.ts';
import type { Row } from '../../kernel/read/fold/working-rows.ts';
import { FormerVersions } from './former-versions.ts';

/** Rows read together at most. */
const MAX_ROWS = 1000;

/**
 * The read side's access to the read tables. Rows asked for by key in the same moment, by whatever operations, are read with
 * one statement; nothing is kept.
 */
export class ReadModels {
  readonly db: Database;
  readonly former: FormerVersions;
  readonly #sources = new Map<Projection, DataLoader<string, Row | null>>();
  /** By what they read. */
  readonly #partial = new Map<string, { execute(values: { keys: string }): Promise<Record<string, unknown>[]> }>();

  constructor(db: Database) {
    this.db = db;
    this.former = new FormerVersions(db);
  }

  /** The row as it is now, whoever may see it; null where there is none. */
  row(projection: Projection, key: string): Promise<Row | null> {
    let source = this.#sources.get(projection);
    if (!source) {
      source = this.#source(projection);
      this.#sources.set(projection, source);
    }
    return source.load(key);
  }

  /**
   * Some properties of the rows with these keys, and nothing else of them, by key, whoever may see them. Rows that are not there
   * are left out. The read model has a key of one column.
   */
  async propertiesOf(
    projection: Projection,
    properties: readonly string[],
    keys: readonly string[],
  ): Promise<Map<string, Row>> {
    const [key] = projection.key;
    if (!key || projection.key.length > 1) throw new Error(`Rows of ${projection.name} have a key of several columns.`);
    const name = `${projection.name}_${properties.toSorted().join('_')}`;
    let query = this.#partial.get(name);
    if (!query) {
      const columns = projection.table as unknown as Record<string, PgColumn>;
      const read = Object.fromEntries(
        [key.property, ...properties].map((property) => [property, columns[property] as PgColumn]),
      );
      query = this.db
        .select(read)
        .from(projection.table)
        .where(sql`${key.column} = any(${arrayOf(key.column, sql.placeholder('keys'))})`)
        .prepare(`${name}_of`);
      this.#partial.set(name, query);
    }
    const statement = query;
    const read = () => statement.execute({ keys: arrayLiteral(key.column, keys) });
    const rows = (await cancelledBy(undefined, read)) as Row[];
    return new Map(rows.map((row) => [String(row[key.property]), row]));
  }

  #source(projection: Projection): DataLoader<string, Row | null> {
    const [key, ...more] = projection.key;
    if (!key || more.length > 0) throw new Error(`Rows of ${projection.name} have a key of several columns.`);
    const query = this.db
      .select(storedColumns(projection.table))
      .from(projection.table)
      .where(sql`${key.column} = any(${arrayOf(key.column, sql.placeholder('keys'))})`)
      .prepare(`${projection.name}_by_key`);
    return new DataLoader(
      async (keys) => {
        // It is for several operations: that one of them ends is no reason to cancel it.
        const read = () => query.execute({ keys: arrayLiteral(key.column, keys) });
        const rows = (await cancelledBy(undefined, read)) as Row[];
        const found = new Map(rows.map((row) => [String(row[key.property]), row]));
        return keys.map((wanted) => found.get(wanted) ?? null);
      },
      { cache: false, maxBatchSize: MAX_ROWS, batchScheduleFn: (dispatch) => setImmediate(dispatch) },
    );
  }
}
