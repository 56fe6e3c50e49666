import { getTableColumns, getTableName, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { arrayLiteral, arrayOf, ColumnArrays } from '../../../database/column-arrays.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';
import { TENANT_COLUMN } from '../../../database/tenancy/tenant-setting.ts';
import type { CheckpointAdvance } from '../../checkpoints/advance.ts';
import type { CheckpointBatcher } from '../../checkpoints/batched-advance.ts';
import { CheckpointMover, type Moved } from '../../checkpoints/checkpoint-mover.ts';
import type { Key, Projection } from '../../define/read-model/projection.ts';
import { type EngineColumn, isEngineColumn, storedColumns } from '../../define/read-model/read-table.ts';
import { lockForWriting } from '../tables/tables.ts';
import type { RowsToRead } from './fold-batch.ts';
import { MAX_NEWEST_FIRST, newestRow } from './newest-row.ts';
import {
  type PartialUpdate,
  PartialUpdates,
  partialUpdateParameters,
  partialUpdateStatement,
} from './partial-updates.ts';
import type { RowValues, RowWithMeta, Writes } from './working-rows.ts';
import { divided, isLarge, isNothing, writeEach } from './write-parts.ts';

/**
 * Maximum number of prepared statements that write batches of a projection: one for each combination of changed
 * columns.
 */
const MAX_STATEMENTS = 32;

/** The SQL of one projection: reads and writes a batch's rows with one statement each, however many rows there are. */
export class ProjectionTable {
  readonly db: Database;
  readonly #projection: Projection;
  readonly #columns: readonly (readonly [property: string, column: PgColumn])[];
  /** True for each column that is the engine's. */
  readonly #isEngines: readonly boolean[];
  readonly #rows: ColumnArrays;
  readonly #keys: ColumnArrays;
  /** Former versions, if history is kept. */
  readonly #former:
    | { readonly columns: readonly PgColumn[]; readonly properties: readonly string[]; readonly arrays: ColumnArrays }
    | undefined;
  readonly #readByKey: (parameters: Record<string, unknown>) => Promise<RowWithMeta[]>;
  readonly #readNewest: (parameters: Record<string, unknown>) => Promise<RowWithMeta[]>;
  readonly #readWhere = new Map<string, (parameters: Record<string, unknown>) => Promise<RowWithMeta[]>>();
  readonly #partial: PartialUpdates;
  /** Statements that write batches, by the sets of columns that they update. */
  readonly #writes = new Map<string, (parameters: Record<string, unknown>) => Promise<Moved[]>>();
  readonly #checkpoint: CheckpointMover;

  /**
   * @param batcher advances the checkpoint if there is nothing to write. Without it, each such advance is a statement
   *   of its own.
   */
  constructor(db: Database, projection: Projection, batcher?: CheckpointBatcher) {
    this.db = db;
    this.#projection = projection;
    this.#checkpoint = new CheckpointMover(db, projection.checkpoint.key, batcher);
    this.#columns = Object.entries(storedColumns(projection.table));
    this.#isEngines = this.#columns.map(([property]) => isEngineColumn(property));
    this.#rows = new ColumnArrays(
      'row',
      this.#columns.map(([, column]) => column),
    );
    this.#keys = new ColumnArrays(
      'key',
      projection.key.map(({ column }) => column),
    );
    if (projection.history) {
      const all = getTableColumns(projection.history);
      const columns = Object.values(all);
      this.#former = { columns, properties: Object.keys(all), arrays: new ColumnArrays('former', columns) };
    }
    this.#partial = new PartialUpdates(projection, this.#columns);
    this.#readByKey = this.#select('key', sql`${projection.table} t where ${this.#isOneOfKeys()}`);
    const newest = newestRow(projection, sql`t.*`, 'k');
    this.#readNewest = this.#select('newest', sql`${this.#keys.as('k')} cross join ${newest} t`);
  }

  /** Reads the rows that some changes need. */
  async read(wanted: RowsToRead): Promise<RowWithMeta[]> {
    const reads: Promise<RowWithMeta[]>[] = [];
    const readByKey = wanted.keys.size > MAX_NEWEST_FIRST ? this.#readByKey : this.#readNewest;
    if (wanted.keys.size > 0) reads.push(readByKey(this.#keyParameters(wanted.keys.values())));
    for (const [property, values] of wanted.where) reads.push(this.#readByColumn(property, [...values]));
    const rows = (await Promise.all(reads)).flat();
    // A row may be found by its key and by a column.
    return reads.length < 2 ? rows : [...new Map(rows.map((stored) => [this.#keyTextOf(stored), stored])).values()];
  }

  /**
   * Writes the result of a batch and moves the checkpoint, all or nothing.
   * @throws {FencedError} if the checkpoint is not at `from` in this generation, or `owner` does not own the projection.
   */
  async write(writes: Writes, advance: CheckpointAdvance): Promise<void> {
    if (isNothing(writes)) await this.#checkpoint.move(advance);
    else if (isLarge(writes)) await this.writeParts(divided(writes), advance);
    else this.#checkpoint.moved(await this.#writeBatch(writes, advance));
  }

  /**
   * Writes rows in several statements of one transaction, and moves the checkpoint, all or nothing. The checkpoint is
   * locked first: an instance that does not own it any more writes nothing, and no other one becomes its owner meanwhile.
   * @param parts each is made after the one before it was sent. Each has to fit into one statement.
   * @returns the number of rows that changed.
   * @throws {FencedError} if the checkpoint is not at `from` in this generation, or `owner` does not own the projection.
   */
  async writeParts(parts: Iterable<Writes>, advance: CheckpointAdvance): Promise<number> {
    return await this.db.transaction(async (transaction) => {
      const tx = transaction as unknown as Database;
      await lockForWriting(tx, this.#projection);
      const table = new ProjectionTable(tx, this.#projection);
      await table.#checkpoint.hold(advance);
      const rows = await writeEach(table, parts);
      await table.#checkpoint.move(advance);
      return rows;
    });
  }

  /** Writes rows without moving the checkpoint. The caller holds its lock. */
  async writeRows(writes: Writes): Promise<void> {
    if (isNothing(writes)) return;
    const statement = this.#writeStatement(sql`select null as place`, []);
    const parameters = this.#parametersOf(writes, [...writes.upserts.values()], []);
    await prepared(this.db, `${this.#projection.name}_write_rows`, statement)(parameters);
  }

  #writeBatch(writes: Writes, advance: CheckpointAdvance): Promise<Moved[]> {
    let { whole, partial } = this.#partial.split(writes);
    const nameOf = () => [`${this.#projection.name}_write`, ...partial.map(({ id }) => id)].join('_');
    // Prepared statements exist for each connection.
    if (this.#writes.size >= MAX_STATEMENTS && !this.#writes.has(nameOf())) {
      whole = [...writes.upserts.values()];
      partial = [];
    }
    const name = nameOf();
    let write = this.#writes.get(name);
    if (!write) {
      write = prepared<Moved>(this.db, name, this.#writeStatement(this.#checkpoint.statement, partial));
      this.#writes.set(name, write);
    }
    return write({ ...this.#checkpoint.parametersOf(advance), ...this.#parametersOf(writes, whole, partial) });
  }

  /** Stores since when rows lack events. A row that lacks some already stays unchanged. */
  async markStale(marks: readonly { readonly key: Key; readonly since: number }[]): Promise<void> {
    if (marks.length === 0) return;
    const { name, key, table } = this.#projection;
    const staleSince = staleColumn(table);
    const rows = new ColumnArrays('stale', [...key.map(({ column }) => column), staleSince]);
    const mark = sql`update ${table} set stale_since = s.stale_since from ${rows.as('s')}
                     where ${this.#hasKeyOf('s')} and ${staleSince} is null`;
    const parameters = rows.parameters(marks, ({ key: of, since }, nth) => [...columnsOf(of), since][nth]);
    await prepared(this.db, `${name}_mark_stale`, mark)(parameters);
  }

  /** Stores that rows no longer lack events. */
  async clearStale(keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return;
    const { name, table } = this.#projection;
    const clear = sql`update ${table} set stale_since = null from ${this.#keys.as('k')}
                      where ${this.#hasKeyOf('k')} and ${staleColumn(table)} is not null`;
    await prepared(this.db, `${name}_clear_stale`, clear)(this.#keyParameters(keys));
  }

  #parametersOf(
    { removals, former }: Writes,
    whole: readonly RowWithMeta[],
    partial: readonly PartialUpdate[],
  ): Record<string, string> {
    return {
      ...this.#rows.parameters(whole, (stored, nth) => this.#valueIn(stored, nth)),
      ...partialUpdateParameters(partial),
      ...this.#keyParameters(removals),
      ...this.#former?.arrays.parameters(former, (row, nth) => row[this.#former?.properties[nth] as string]),
    };
  }

  #writeStatement(moved: SQL, partial: readonly PartialUpdate[]): SQL {
    const { table } = this.#projection;
    const name = sql`${table}`;
    const columns = this.#columns.map(([, column]) => column);
    const names = columns.map((column) => sql.identifier(column.name));
    // Setting a key to itself would take the lock that foreign keys wait for.
    const keys = this.#projection.key.map(({ column }) => column.name);
    const changing = columns
      .filter((column) => !keys.includes(column.name))
      .map((column) => sql`${sql.identifier(column.name)} = excluded.${sql.identifier(column.name)}`);
    const unique = this.#projection.tenant === undefined ? keys : [TENANT_COLUMN, ...keys];
    const key = sql.join(unique.map(sql.identifier), sql`, `);
    return sql`with moved as materialized (${moved}),
      upserted as (
        insert into ${name} (${sql.join(names, sql`, `)})
        select ${this.#rows.valuesOf('r')} from ${this.#rows.as('r')} where exists (select from moved)
        on conflict (${key}) do update
          set ${sql.join(changing, sql`, `)}
          where ${name}.last_position < excluded.last_position
      ),
      removed as (
        delete from ${name} using ${this.#keys.as('k')} where exists (select from moved) and ${this.#hasKeyOf('k')}
      )${partialUpdateStatement(this.#projection, partial)}${this.#keptFormer()}
      select place::text from moved`;
  }

  #keptFormer(): SQL {
    const { history } = this.#projection;
    if (!history || !this.#former) return sql``;
    const { columns, arrays } = this.#former;
    const names = columns.map((column) => sql.identifier(column.name));
    return sql`, kept as (
        insert into ${history} (${sql.join(names, sql`, `)})
        select ${arrays.valuesOf('f')} from ${arrays.as('f')} where exists (select from moved)
      )`;
  }

  #readByColumn(property: string, values: readonly unknown[]): Promise<RowWithMeta[]> {
    const column = this.#columns.find(([candidate]) => candidate === property)?.[1];
    if (!column) throw new Error(`Projection ${this.#projection.name} has no column ${property}.`);
    let read = this.#readWhere.get(property);
    if (!read) {
      const values = arrayOf(column, sql.placeholder('values'));
      read = this.#select(property, sql`${this.#projection.table} t where ${ofRow(column)} = any(${values})`);
      this.#readWhere.set(property, read);
    }
    return read({ values: arrayLiteral(column, values) });
  }

  /** @param from the relation of the rows, with the alias `t`. */
  #select(by: string, from: SQL): (parameters: Record<string, unknown>) => Promise<RowWithMeta[]> {
    const columns = sql.join(
      this.#columns.map(([, column]) => ofRow(column)),
      sql`, `,
    );
    const query = prepared<RowValues>(
      this.db,
      `${this.#projection.name}_read_by_${by}`,
      sql`select ${columns} from ${from}`,
    );
    return async (parameters) => (await query(parameters)).map((stored) => this.#storedRow(stored));
  }

  /** The same as Drizzle's mapping, which takes several times as long. */
  #storedRow(stored: RowValues): RowWithMeta {
    const row: RowValues = {};
    const engine: RowValues = {};
    for (const [nth, [property, column]] of this.#columns.entries()) {
      const value = stored[column.name];
      const own = this.#isEngines[nth] ? engine : row;
      own[property] = value === null ? null : column.mapFromDriverValue(value);
    }
    const { lastPosition, staleSince, validFrom = null, keptIn = null } = engine as unknown as RowWithMeta;
    return { row, lastPosition, staleSince, validFrom, keptIn };
  }

  #valueIn(stored: RowWithMeta, nth: number): unknown {
    const property = this.#columns[nth]?.[0] ?? '';
    return this.#isEngines[nth] ? stored[property as EngineColumn] : stored.row[property];
  }

  #isOneOfKeys(): SQL {
    const columns = this.#projection.key.map(({ column }) => column);
    const [first] = columns;
    // For one column, Postgres looks the values up in the order of the index, which is twice as fast as a join.
    if (first && columns.length === 1) return sql`${ofRow(first)} = any(${this.#keys.array(first)})`;
    return sql`(${sql.join(columns.map(ofRow), sql`, `)}) in (select * from ${this.#keys.as('k')})`;
  }

  #keyParameters(keys: Iterable<Key>): Record<string, string> {
    return this.#keys.parameters([...keys], (key, nth) => (typeof key === 'object' ? key[nth] : key));
  }

  /** A condition: the row has the same key as a row of another relation. */
  #hasKeyOf(alias: string): SQL {
    return sql.join(
      this.#projection.key.map(
        ({ column }) => sql`${column} = ${sql.identifier(alias)}.${sql.identifier(column.name)}`,
      ),
      sql` and `,
    );
  }

  #keyTextOf({ row }: RowWithMeta): string {
    return JSON.stringify(this.#projection.key.map(({ property }) => row[property]));
  }
}

function columnsOf(key: Key): readonly (string | number)[] {
  return typeof key === 'object' ? key : [key];
}

function ofRow(column: PgColumn): SQL {
  return sql`t.${sql.identifier(column.name)}`;
}

function staleColumn(table: Projection['table']): PgColumn {
  const { staleSince } = getTableColumns(table) as Record<string, PgColumn> & Partial<Record<EngineColumn, PgColumn>>;
  if (!staleSince) throw new Error(`${getTableName(table)} is not a read table.`);
  return staleSince;
}
