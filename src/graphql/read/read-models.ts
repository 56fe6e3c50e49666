import { sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Database } from '../../database/client.ts';
import { arrayLiteral, arrayOf } from '../../database/column-arrays.ts';
import { cancelledBy } from '../../database/driver/cancellation.ts';
import { mapped, rowMapper } from '../../database/driver/drizzle/mapped.ts';
import { approximateBytes, PAGE_BYTES } from '../../kernel/bytes.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import { type GroupLimits, GroupRead } from './by-key/group-read.ts';
import { NodeIndex } from './by-key/node-index.ts';
import { type TableOwners, tableOwners } from './declared-reads.ts';
import { type SelectedColumns, selectedColumns } from './selected-columns.ts';
import { FormerVersions } from './versions/former-versions.ts';

/** Most rows by key that one statement reads, and their bytes (approximate). */
const BATCH: GroupLimits<RowValues> = { keys: 1000, bytes: PAGE_BYTES, bytesOf: approximateBytes };

/**
 * Access to the read tables. Rows that any operations ask for by key while others are read are read together, with the
 * next statement; nothing is cached.
 */
export class ReadModels {
  readonly db: Database;
  readonly former: FormerVersions;
  readonly nodes: NodeIndex;
  /** The read models by their tables. */
  readonly owners: TableOwners;
  /** By what they read. */
  readonly #groups = new Map<SelectedColumns, GroupRead<RowValues>>();
  /** By the properties that they read. */
  readonly #partial = new Map<string, { execute(values: { keys: string }): Promise<Record<string, unknown>[]> }>();

  constructor(db: Database, projections: Iterable<Projection> = []) {
    this.db = db;
    this.owners = tableOwners(projections);
    this.former = new FormerVersions(db);
    this.nodes = new NodeIndex(db);
  }

  /**
   * The current row, regardless of who may see it; null if there is none.
   * @param caller for whom it is read: callers take turns. The product itself is one of them.
   * @param selected the columns that are read; all by default.
   */
  row(
    projection: Projection,
    key: string,
    caller = '',
    selected: SelectedColumns = selectedColumns(projection, undefined, []),
  ): Promise<RowValues | null> {
    let group = this.#groups.get(selected);
    if (!group) {
      group = this.#groupFor(projection, selected);
      this.#groups.set(selected, group);
    }
    return group.load(key, caller);
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

  #groupFor(projection: Projection, { columns, prototype }: SelectedColumns): GroupRead<RowValues> {
    const [key, ...more] = projection.key;
    if (!key || more.length > 0) throw new Error(`Rows of ${projection.name} have a key of several columns.`);
    const query = this.db
      .select(columns)
      .from(projection.table)
      .where(sql`${key.column} = any(${arrayOf(key.column, sql.placeholder('keys'))})`);
    const toRow = rowMapper(columns, prototype);
    const read = mapped(this.db, `${projection.name}_by_key`, query, (rows) => rows.map((values) => toRow(values)));
    return new GroupRead(async (keys) => {
      const rows = await read({ keys: arrayLiteral(key.column, keys) });
      return new Map(rows.map((row) => [String(row[key.property]), row]));
    }, BATCH);
  }
}
