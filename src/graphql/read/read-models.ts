import DataLoader from 'dataloader';
import { sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Database } from '../../database/client.ts';
import { arrayLiteral, arrayOf } from '../../database/column-arrays.ts';
import { cancelledBy } from '../../database/driver/cancellation.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import { storedColumns } from '../../kernel/define/read-model/read-table.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import { type TableOwners, tableOwners } from './declared-reads.ts';
import { NodeIndex } from './node-index.ts';
import { FormerVersions } from './versions/former-versions.ts';

/** Most rows that are read together. */
const MAX_ROWS = 1000;

/**
 * Access to the read tables. Rows that any operations ask for by key in the same moment are read with one statement;
 * nothing is cached.
 */
export class ReadModels {
  readonly db: Database;
  readonly former: FormerVersions;
  readonly nodes: NodeIndex;
  /** The read models by their tables. */
  readonly owners: TableOwners;
  readonly #sources = new Map<Projection, DataLoader<string, RowValues | null>>();
  /** By the properties that they read. */
  readonly #partial = new Map<string, { execute(values: { keys: string }): Promise<Record<string, unknown>[]> }>();

  constructor(db: Database, projections: Iterable<Projection> = []) {
    this.db = db;
    this.owners = tableOwners(projections);
    this.former = new FormerVersions(db);
    this.nodes = new NodeIndex(db);
  }

  /** The current row, regardless of who may see it; null if there is none. */
  row(projection: Projection, key: string): Promise<RowValues | null> {
    let source = this.#sources.get(projection);
    if (!source) {
      source = this.#source(projection);
      this.#sources.set(projection, source);
    }
    return source.load(key);
  }

  /**
   * Some properties of the rows with these keys, by key, regardless of who may see them. Missing rows are left out. The
   * read model's key has one column.
   */
  async propertiesOf(
    projection: Projection,
    properties: readonly string[],
    keys: readonly string[],
  ): Promise<Map<string, RowValues>> {
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
    const rows = (await cancelledBy(undefined, read)) as RowValues[];
    return new Map(rows.map((row) => [String(row[key.property]), row]));
  }

  #source(projection: Projection): DataLoader<string, RowValues | null> {
    const [key, ...more] = projection.key;
    if (!key || more.length > 0) throw new Error(`Rows of ${projection.name} have a key of several columns.`);
    const query = this.db
      .select(storedColumns(projection.table))
      .from(projection.table)
      .where(sql`${key.column} = any(${arrayOf(key.column, sql.placeholder('keys'))})`)
      .prepare(`${projection.name}_by_key`);
    return new DataLoader(
      async (keys) => {
        // The statement serves several operations: the end of one must not cancel it.
        const read = () => query.execute({ keys: arrayLiteral(key.column, keys) });
        const rows = (await cancelledBy(undefined, read)) as RowValues[];
        const found = new Map(rows.map((row) => [String(row[key.property]), row]));
        return keys.map((wanted) => found.get(wanted) ?? null);
      },
      { cache: false, maxBatchSize: MAX_ROWS, batchScheduleFn: (dispatch) => setImmediate(dispatch) },
    );
  }
}
