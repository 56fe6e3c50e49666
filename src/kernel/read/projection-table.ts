import { getTableColumns, getTableName, type SQL, sql } from 'drizzle-orm';
import { getTableConfig, type PgColumn } from 'drizzle-orm/pg-core';
import { type Database, prepared } from '../../database/client.ts';
import type { Key, Projection } from '../define/projection.ts';
import type { Plan, Row, Writes } from './fold.ts';

/** The checkpoint is not where this projector left it, or the projection is another's now: nothing was written. */
export class FencedError extends Error {
  readonly code = 'FENCED';

  constructor(projection: string) {
    super(`Projection ${projection} was moved by somebody else.`);
    this.name = 'FencedError';
  }
}

/** The SQL of one projection: reads and writes a batch's rows with one statement each, however many rows. */
export class ProjectionTable {
  readonly #projection: Projection;
  readonly #columns: readonly (readonly [property: string, column: PgColumn])[];
  readonly #readByKey: (parameters: Record<string, unknown>) => Promise<Row[]>;
  readonly #readWhere = new Map<string, (parameters: Record<string, unknown>) => Promise<Row[]>>();
  readonly #write: (parameters: Record<string, unknown>) => Promise<{ moved: number }[]>;
  readonly #moveOnly: (parameters: Record<string, unknown>) => Promise<{ moved: number }[]>;
  readonly #db: Database;

  constructor(db: Database, projection: Projection) {
    this.#db = db;
    this.#projection = projection;
    this.#columns = Object.entries(getTableColumns(projection.table)).filter(([, column]) => !column.generated);
    const keys = sql.join(
      projection.key.map(({ column }) => sql`${column}`),
      sql`, `,
    );
    this.#readByKey = this.#select(
      'key',
      sql`(${keys}) in (select * from jsonb_to_recordset(${sql.placeholder('keys')}::jsonb) as k(${this.#keyTypes()}))`,
    );
    const { projection: name } = { projection: projection.name };
    const moved = sql`update read.checkpoints set position = ${sql.placeholder('to')}, updated_at = now()
      where projection = ${name} and position = ${sql.placeholder('from')} and owner = ${sql.placeholder('owner')}
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
    if (plan.keys.size > 0) reads.push(this.#readByKey({ keys: this.#keysJson(plan.keys.values()) }));
    for (const [property, values] of plan.where) {
      reads.push(this.#where(property)({ values: JSON.stringify([...values]) }));
    }
    const rows = (await Promise.all(reads)).flat();
    // A row may be found by its key and by a column.
    return reads.length < 2 ? rows : [...new Map(rows.map((row) => [this.#keyTextOf(row), row])).values()];
  }

  /**
   * Writes what a batch has left and moves the checkpoint, all or nothing.
   * @throws {FencedError} where the checkpoint is not at `from` or `owner` does not own the projection.
   */
  async write(writes: Writes, from: number, to: number, owner: string): Promise<void> {
    const { upserts, removals } = writes;
    const [row] =
      upserts.length + removals.length === 0
        ? await this.#moveOnly({ from, to, owner })
        : await this.#write({
            from,
            to,
            owner,
            rows: JSON.stringify(upserts.map((upsert) => this.#toJson(upsert))),
            removals: this.#keysJson(removals),
          });
    if (row?.moved !== 1) throw new FencedError(this.#projection.name);
  }

  #writeStatement(moved: SQL): SQL {
    const { table } = this.#projection;
    const name = sql`${table}`;
    const columns = this.#columns.map(([, column]) => column);
    const list = (make: (column: PgColumn) => SQL) => sql.join(columns.map(make), sql`, `);
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
        insert into ${name} (${list((column) => sql`${sql.identifier(column.name)}`)})
        select r.* from jsonb_to_recordset(${sql.placeholder('rows')}::jsonb)
          as r(${list((column) => sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}`)})
        where exists (select from moved)
        on conflict (${key}) do update
          set ${list((column) => sql`${sql.identifier(column.name)} = excluded.${sql.identifier(column.name)}`)}
          where ${name}.last_position < excluded.last_position
      ),
      removed as (
        delete from ${name} using jsonb_to_recordset(${sql.placeholder('removals')}::jsonb) as k(${this.#keyTypes()})
        where exists (select from moved) and ${matches}
      )
      select count(*)::int as moved from moved`;
  }

  #where(property: string): (parameters: Record<string, unknown>) => Promise<Row[]> {
    const known = this.#readWhere.get(property);
    if (known) return known;
    const column = this.#columns.find(([candidate]) => candidate === property)?.[1];
    if (!column) throw new Error(`Projection ${this.#projection.name} has no column ${property}.`);
    const type = sql.raw(column.getSQLType());
    const read = this.#select(
      property,
      sql`${column} in (select v::${type} from jsonb_array_elements_text(${sql.placeholder('values')}::jsonb) as v)`,
    );
    this.#readWhere.set(property, read);
    return read;
  }

  #select(by: string, where: SQL): (parameters: Record<string, unknown>) => Promise<Row[]> {
    const query = this.#db
      .select()
      .from(this.#projection.table)
      .where(where)
      .prepare(`${this.#projection.name}_read_by_${by}`);
    return (parameters) => query.execute(parameters) as Promise<Row[]>;
  }

  /** A row as JSON that `jsonb_to_recordset` turns into the columns' types. */
  #toJson(row: Row): Row {
    return Object.fromEntries(this.#columns.map(([property, column]) => [column.name, toJson(column, row[property])]));
  }

  #keyTypes(): SQL {
    return sql.join(
      this.#projection.key.map(({ column }) => sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}`),
      sql`, `,
    );
  }

  #keysJson(keys: Iterable<Key>): string {
    const names = this.#projection.key.map(({ column }) => column.name);
    return JSON.stringify(
      Array.from(keys, (key) => {
        const values = typeof key === 'object' ? key : [key];
        return Object.fromEntries(names.map((name, index) => [name, values[index]]));
      }),
    );
  }

  #keyTextOf(row: Row): string {
    return JSON.stringify(this.#projection.key.map(({ property }) => row[property]));
  }
}

/** JSON columns and arrays go as they are; the rest as Drizzle would send it to the driver. */
function toJson(column: PgColumn, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  const asIs = column.columnType === 'PgJsonb' || column.columnType === 'PgJson' || column.columnType === 'PgArray';
  return asIs ? value : column.mapToDriverValue(value);
}

/** The schema-qualified name of a projection's table, for people. */
export function tableName(projection: Projection): string {
  return `${getTableConfig(projection.table).schema ?? 'public'}.${getTableName(projection.table)}`;
}
