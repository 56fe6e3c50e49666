import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { arrayLiteral, arrayOf } from '../../../database/column-arrays.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { ProjectionTable } from '../../read/fold/projection-table.ts';
import { keyText, type RowWithMeta } from '../../read/fold/working-rows.ts';
import { maskOf } from './masks.ts';
import type { TouchedRows } from './touched-rows.ts';

/** Rows that one statement changes. */
const ROWS_AT_ONCE = 500;

type KeyValues = readonly unknown[];

/**
 * Masks what erased subjects have in rows that their events have changed, and in former versions of these rows.
 * @returns the number of rows and versions that were changed: none if it was done before.
 */
export async function hideRows(db: Database, projection: Projection, touched: TouchedRows): Promise<number> {
  const present = await new ProjectionTable(db, projection).read(touched);
  /** Keys of rows by the columns that are masked in them. */
  const groups = new Map<string, { readonly columns: ReadonlySet<string>; readonly keys: KeyValues[] }>();
  const add = (columns: ReadonlySet<string>, key: KeyValues) => {
    const name = JSON.stringify([...columns].sort());
    const group = groups.get(name) ?? { columns, keys: [] };
    group.keys.push(key);
    groups.set(name, group);
  };
  for (const { row } of present) add(touched.columnsOf(row), keyOf(projection, row));
  for (const row of removedRows(projection, touched, present)) add(touched.columnsOf(row), keyOf(projection, row));
  let changed = 0;
  for (const { columns, keys } of groups.values()) {
    for (let from = 0; from < keys.length; from += ROWS_AT_ONCE) {
      const some = keys.slice(from, from + ROWS_AT_ONCE);
      for (const table of projection.history ? [projection.table, projection.history] : [projection.table]) {
        changed += await mask(db, projection, table, columns, some);
      }
    }
  }
  return changed;
}

/** Rows that are not there any more may have former versions. Of such a row, only the key is known. */
function removedRows(
  { history, key }: Projection,
  { keys }: TouchedRows,
  present: readonly RowWithMeta[],
): RowWithMeta['row'][] {
  if (!history) return [];
  const names = key.map(({ property }) => property);
  const textOf = (row: RowWithMeta['row']) => {
    const values = names.map((name) => row[name] as string | number);
    return keyText(values.length === 1 ? (values[0] as string | number) : values);
  };
  const there = new Set(present.map(({ row }) => textOf(row)));
  return [...keys].flatMap(([text, values]) => {
    if (there.has(text)) return [];
    const all = typeof values === 'object' ? values : [values];
    return [Object.fromEntries(names.map((name, nth) => [name, all[nth]]))];
  });
}

function keyOf({ key }: Projection, row: RowWithMeta['row']): KeyValues {
  return key.map(({ property }) => row[property]);
}

async function mask(
  db: Database,
  projection: Projection,
  table: PgTable,
  properties: ReadonlySet<string>,
  keys: readonly KeyValues[],
): Promise<number> {
  const all = getTableColumns(table) as Readonly<Record<string, PgColumn>>;
  const own = new Set(projection.key.map(({ property }) => property));
  const columns = [...properties].flatMap((property) => {
    const column = all[property];
    return column && !column.generated && !own.has(property) ? [column] : [];
  });
  if (columns.length === 0) return 0;
  const set = columns.map((column) => sql`${sql.identifier(column.name)} = ${maskOf(column)}`);
  const differs = columns.map(
    (column) => sql`${sql.identifier(column.name)}::text is distinct from (${maskOf(column)})::text`,
  );
  const rows = await db.execute(sql`
    update ${table} t set ${list(set)}
    from (select * from unnest(${list(keyArrays(projection, keys))}) as k(${list(keyNames(projection))})) k
    where ${sql.join(
      projection.key.map(
        ({ column }) => sql`t.${sql.identifier(column.name)} = k.${sql.identifier(`key_${column.name}`)}`,
      ),
      sql` and `,
    )} and (${sql.join(differs, sql` or `)})
    returning 1`);
  return rows.length;
}

function keyNames({ key }: Projection): SQL[] {
  return key.map(({ column }) => sql`${sql.identifier(`key_${column.name}`)}`);
}

function keyArrays({ key }: Projection, keys: readonly KeyValues[]): SQL[] {
  return key.map(({ column }, nth) => {
    const values = arrayLiteral(
      column,
      keys.map((values) => values[nth]),
    );
    return arrayOf(column, sql`${values}`);
  });
}

function list(parts: readonly SQL[]): SQL {
  return sql.join([...parts], sql`, `);
}
