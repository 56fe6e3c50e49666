import { getTableColumns, getTableName, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { rootOf } from '../../../database/errors.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { masksOf } from './masks.ts';

/** A column refuses every value that could stand for erased data: it shows that until its read model is made again. */
export class ColumnUnmaskableError extends Error {
  readonly code = 'COLUMN_UNMASKABLE';
  readonly table: string;
  readonly column: string;

  constructor(table: string, column: string, cause: unknown) {
    super(
      `Erased data cannot be masked in the column ${column} of read.${table}: ${rootOf(cause).message}. It is shown until the read model was ` +
        'made again, which is under way. The command check names such columns in advance.',
      { cause },
    );
    this.name = 'ColumnUnmaskableError';
    this.table = table;
    this.column = column;
  }
}

/** Rows of a table: what follows its name and alias `t` in `update … t set …`. */
export interface WhichRows {
  readonly from: SQL;
  readonly where: SQL;
}

/** Masks columns of the tables of a read model. What one column refuses keeps no other from being masked. */
export class ColumnMasks {
  readonly #projection: Projection;
  readonly #onRefused: (error: ColumnUnmaskableError) => void;
  /** Which of its masks a column accepts, if it is not the first; undefined if none. By table and column. */
  readonly #others = new Map<string, number | undefined>();

  /** @param onRefused told once of each column that accepts none of its masks. */
  constructor(projection: Projection, onRefused: (error: ColumnUnmaskableError) => void) {
    this.#projection = projection;
    this.#onRefused = onRefused;
  }

  /** @returns the number of rows that were changed: none if it was done before. */
  async mask(db: Database, table: PgTable, properties: ReadonlySet<string>, which: WhichRows): Promise<number> {
    const all = getTableColumns(table) as Readonly<Record<string, PgColumn>>;
    const own = new Set(this.#projection.key.map(({ property }) => property));
    const columns = [...properties].flatMap((property) => {
      const column = all[property];
      return column && !column.generated && !own.has(property) ? [column] : [];
    });
    const usual = columns.filter((column) => !this.#others.has(nameOf(table, column)));
    let changed = 0;
    const together = await this.#attempt(db, table, usual, 0, which);
    if (typeof together === 'number') changed += together;
    else for (const column of usual) changed += await this.#maskAlone(db, table, column, which);
    for (const column of columns) {
      if (!usual.includes(column)) changed += await this.#maskAlone(db, table, column, which);
    }
    return changed;
  }

  async #maskAlone(db: Database, table: PgTable, column: PgColumn, which: WhichRows): Promise<number> {
    const name = nameOf(table, column);
    const { length } = masksOf(column, sql`''`);
    let refused: unknown;
    const known = this.#others.get(name);
    if (known === undefined && this.#others.has(name)) return 0;
    for (let nth = known ?? 0; nth < length; nth++) {
      const answer = await this.#attempt(db, table, [column], nth, which);
      if (typeof answer === 'number') {
        if (nth > 0) this.#others.set(name, nth);
        return answer;
      }
      refused ??= answer.refused;
    }
    this.#others.set(name, undefined);
    this.#onRefused(new ColumnUnmaskableError(getTableName(table), column.name, refused));
    return 0;
  }

  /** @returns the number of rows that were changed, or why the table refuses the values: then nothing is changed. */
  async #attempt(
    db: Database,
    table: PgTable,
    columns: readonly PgColumn[],
    nth: number,
    { from, where }: WhichRows,
  ): Promise<number | { readonly refused: unknown }> {
    if (columns.length === 0) return 0;
    const key = sql`concat_ws('/', ${sql.join(
      this.#projection.key.map(({ column }) => sql`t.${sql.identifier(column.name)}`),
      sql`, `,
    )})`;
    const masked = columns.map(
      (column) => [sql.identifier(column.name), masksOf(column, key)[nth] ?? sql`null`] as const,
    );
    const set = masked.map(([name, mask]) => sql`${name} = ${mask}`);
    const differs = masked.map(([name, mask]) => sql`${name}::text is distinct from (${mask})::text`);
    try {
      // A savepoint, if the caller has a transaction.
      const rows = await db.transaction((part) =>
        part.execute(sql`
          update ${table} t set ${sql.join(set, sql`, `)} ${from}
          where ${where} and (${sql.join(differs, sql` or `)})
          returning 1`),
      );
      return rows.length;
    } catch (error) {
      if (REFUSALS.test(rootOf(error).code)) return { refused: error };
      throw error;
    }
  }
}

/** Codes of Postgres: a value is not of the type, a constraint refuses it, or there is no conversion to the type. */
const REFUSALS = /^(22|23|42846|42804|42883|54000)/;

function nameOf(table: PgTable, column: PgColumn): string {
  return `${getTableName(table)} ${column.name}`;
}
