import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { type Database, prepared } from '../../database/client.ts';
import type { Key, Projection } from '../define/projection.ts';
import { arrayLiteral, arrayOf, ColumnArrays } from './column-arrays.ts';
import type { Plan, Row, Writes } from './fold.ts';

/** The checkpoint is not where this projector left it, or the projection is another's now: nothing was written. */
export class FencedError extends Error {
  readonly code = 'FENCED';

  constructor(projection: string) {
    super(`Projection ${projection} was moved by somebody else.`);
    this.name = 'FencedError';
  }
}

/** Where a batch moves a checkpoint, and in whose name. */
export interface Move {
  readonly from: number;
  readonly to: number;
  readonly owner: string;
  readonly generation: number;
}

/** The SQL of one projection: reads and writes a batch's rows with one statement each, however many rows. */
export class ProjectionTable {
  readonly #projection: Projection;
  readonly #columns: readonly (readonly [property: string, column: PgColumn])[];
  readonly #rows: ColumnArrays;
  readonly #keys: ColumnArrays;
  readonly #readByKey: (parameters: Record<string, unknown>) => Promise<Row[]>;
  readonly #readWhere = new Map<string, (parameters: Record<string, unknown>) => Promise<Row[]>>();
  readonly #write: (parameters: Record<string, unknown>) => Promise<{ moved: number }[]>;
  readonly #moveOnly: (parameters: Record<string, unknown>) => Promise<{ moved: number }[]>;
  readonly #db: Database;

  constructor(db: Database, projection: Projection) {
    this.#db = db;
    this.#projection = projection;
    this.#columns = Object.entries(getTableColumns(projection.table)).filter(([, column]) => !column.generated);
    this.#rows = new ColumnArrays(
      'row',
      this.#columns.map(([, column]) => column),
    );
    this.#keys = new ColumnArrays(
      'key',
      projection.key.map(({ column }) => column),
    );
    this.#readByKey = this.#select('key', this.#isOneOfKeys());
    const { name } = projection;
    const moved = sql`update read.checkpoints set position = ${sql.placeholder('to')}, updated_at = now()
      where projection = ${name} and position = ${sql.placeholder('from')} and owner = ${sql.placeholder('owner')}
        and generation = ${sql.placeholder('generation')}
      returning 1`;
    this.#moveOnly = prepared(
      db,
      `${name}_move`,
      sql`with moved as (${moved}) select count(*)::int as moved from moved`,
    );
    this.#write = prepared(db, `${name}_write`, this.#writeStatement(moved));
  }

  /** The rows that a batch's changes concern, as they are now. */
  async read(plan: Plan): Promise<Row[]> {
    const reads: Promise<Row[]>[] = [];
    if (plan.keys.size > 0) reads.push(this.#readByKey(this.#keyParameters(plan.keys.values())));
    for (const [property, values] of plan.where) reads.push(this.#readByColumn(property, [...values]));
    const rows = (await Promise.all(reads)).flat();
    // A row may be found by its key and by a column.
    return reads.length < 2 ? rows : [...new Map(rows.map((row) => [this.#keyTextOf(row), row])).values()];
  }

  /**
   * Writes what a batch has left and moves the checkpoint, all or nothing.
   * @throws {FencedError} where the checkpoint is not at `from` in this generation, or `owner` does not own the projection.
   */
  async write(writes: Writes, move: Move): Promise<void> {
    const { upserts, removals } = writes;
    const [row] =
      upserts.length + removals.length === 0
        ? await this.#moveOnly({ ...move })
        : await this.#write({
            ...move,
            ...this.#rows.parameters(upserts.map((row) => this.#columns.map(([property]) => row[property]))),
            ...this.#keyParameters(removals),
          });
    if (row?.moved !== 1) throw new FencedError(this.#projection.name);
  }

  #writeStatement(moved: SQL): SQL {
    const { table } = this.#projection;
    const name = sql`${table}`;
    const columns = this.#columns.map(([, column]) => column);
    const names = columns.map((column) => sql.identifier(column.name));
    // Setting a key to itself would take the lock that foreign keys wait for.
    const keys = this.#projection.key.map(({ column }) => column.name);
    const changing = columns
      .filter((column) => !keys.includes(column.name))
      .map((column) => sql`${sql.identifier(column.name)} = excluded.${sql.identifier(column.name)}`);
    const key = sql.join(
      this.#projection.key.map(({ column }) => sql.identifier(column.name)),
      sql`, `,
    );
    const matches = sql.join(
      this.#projection.key.map(({ column }) => sql`${column} = k.${sql.identifier(column.name)}`),
      sql` and `,
    );
    return sql`with moved as (${moved}),
      upserted as (
        insert into ${name} (${sql.join(names, sql`, `)})
        select ${this.#rows.valuesOf('r')} from ${this.#rows.as('r')} where exists (select from moved)
        on conflict (${key}) do update
          set ${sql.join(changing, sql`, `)}
          where ${name}.last_position < excluded.last_position
      ),
      removed as (
        delete from ${name} using ${this.#keys.as('k')} where exists (select from moved) and ${matches}
      )
      select count(*)::int as moved from moved`;
  }

  #readByColumn(property: string, values: readonly unknown[]): Promise<Row[]> {
    const column = this.#columns.find(([candidate]) => candidate === property)?.[1];
    if (!column) throw new Error(`Projection ${this.#projection.name} has no column ${property}.`);
    let read = this.#readWhere.get(property);
    if (!read) {
      read = this.#select(property, sql`${column} = any(${arrayOf(column, sql.placeholder('values'))})`);
      this.#readWhere.set(property, read);
    }
    return read({ values: arrayLiteral(column, values) });
  }

  #select(by: string, where: SQL): (parameters: Record<string, unknown>) => Promise<Row[]> {
    const query = this.#db
      .select()
      .from(this.#projection.table)
      .where(where)
      .prepare(`${this.#projection.name}_read_by_${by}`);
    return (parameters) => query.execute(parameters) as Promise<Row[]>;
  }

  #isOneOfKeys(): SQL {
    const columns = this.#projection.key.map(({ column }) => column);
    const [first] = columns;
    // Of one column Postgres looks an array's values up in their order in the index, which is twice as quick as a join.
    if (first && columns.length === 1) return sql`${first} = any(${this.#keys.array(first)})`;
    return sql`(${sql.join(
      columns.map((column) => sql`${column}`),
      sql`, `,
    )}) in (select * from ${this.#keys.as('k')})`;
  }

  #keyParameters(keys: Iterable<Key>): Record<string, string> {
    return this.#keys.parameters(Array.from(keys, (key) => (typeof key === 'object' ? key : [key])));
  }

  #keyTextOf(row: Row): string {
    return JSON.stringify(this.#projection.key.map(({ property }) => row[property]));
  }
}
