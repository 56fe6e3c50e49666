import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { arrayLiteral, arrayOf } from '../../../database/column-arrays.ts';
import type { Key, Projection } from '../../define/read-model/projection.ts';
import type { RowsToRead } from '../../read/fold/fold-batch.ts';
import { ProjectionTable } from '../../read/fold/projection-table.ts';
import { keyText, type RowWithMeta } from '../../read/fold/working-rows.ts';
import type { ColumnMasks } from './mask-columns.ts';
import type { TouchedRows } from './touched-rows.ts';

/** Keys that are looked at together, and rows that one statement changes. */
const ROWS_AT_ONCE = 500;
/** Values of columns by which rows are looked for together: each may have many rows. */
const VALUES_AT_ONCE = 20;

type KeyValues = readonly unknown[];

/**
 * Masks what erased subjects have in rows that their events have changed, and in former versions of these rows.
 * @returns the number of rows and versions that were changed: none if it was done before.
 */
export async function hideRows(
  db: Database,
  projection: Projection,
  touched: TouchedRows,
  masks: ColumnMasks,
): Promise<number> {
  let changed = await hideUnknown(db, projection, touched, masks);
  const table = new ProjectionTable(db, projection);
  for (const wanted of divided(touched)) {
    const present = await table.read(wanted);
    const rows = [...present.map(({ row }) => row), ...removedRows(projection, wanted, present)];
    for (const { columns, keys } of grouped(projection, touched, rows)) {
      changed += await maskRows(db, projection, columns, keys, masks);
    }
  }
  return changed;
}

function* divided({ keys, where }: RowsToRead): Generator<RowsToRead> {
  for (const some of pieces(keys, ROWS_AT_ONCE)) yield { keys: new Map(some), where: new Map() };
  for (const [column, values] of where) {
    for (const some of pieces(values, VALUES_AT_ONCE)) {
      yield { keys: new Map(), where: new Map([[column, new Set(some)]]) };
    }
  }
}

function* pieces<T>(all: Iterable<T>, size: number): Generator<readonly T[]> {
  let piece: T[] = [];
  for (const each of all) {
    piece.push(each);
    if (piece.length < size) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}

/** Keys of rows by the columns that are masked in them. */
function grouped(
  projection: Projection,
  touched: TouchedRows,
  rows: readonly RowWithMeta['row'][],
): { readonly columns: ReadonlySet<string>; readonly keys: KeyValues[] }[] {
  const groups = new Map<string, { readonly columns: ReadonlySet<string>; readonly keys: KeyValues[] }>();
  for (const row of rows) {
    const columns = touched.columnsOf(row);
    const name = JSON.stringify([...columns].sort());
    const group = groups.get(name) ?? { columns, keys: [] };
    group.keys.push(keyOf(projection, row));
    groups.set(name, group);
  }
  return [...groups.values()];
}

/** Rows that are not there any more may have former versions. Of such a row, only the key is known. */
function removedRows(
  { history, key }: Projection,
  { keys }: RowsToRead,
  present: readonly RowWithMeta[],
): RowWithMeta['row'][] {
  if (!history) return [];
  const names = key.map(({ property }) => property);
  const textOf = (row: RowWithMeta['row']) => {
    const values = names.map((name) => row[name] as string | number);
    return keyText(values.length === 1 ? (values[0] as string | number) : values);
  };
  const there = new Set(present.map(({ row }) => textOf(row)));
  return [...keys].flatMap(([text, values]: readonly [string, Key]) => {
    if (there.has(text)) return [];
    const all = typeof values === 'object' ? values : [values];
    return [Object.fromEntries(names.map((name, nth) => [name, all[nth]]))];
  });
}

function keyOf({ key }: Projection, row: RowWithMeta['row']): KeyValues {
  return key.map(({ property }) => row[property]);
}

async function maskRows(
  db: Database,
  projection: Projection,
  columns: ReadonlySet<string>,
  keys: readonly KeyValues[],
  masks: ColumnMasks,
): Promise<number> {
  let changed = 0;
  for (const some of pieces(keys, ROWS_AT_ONCE)) {
    const isOneOf = projection.key.map(
      ({ column }) => sql`t.${sql.identifier(column.name)} = k.${sql.identifier(`key_${column.name}`)}`,
    );
    const which = {
      from: sql`from (select * from unnest(${list(keyArrays(projection, some))}) as k(${list(keyNames(projection))})) k`,
      where: sql.join(isOneOf, sql` and `),
    };
    for (const table of projection.history ? [projection.table, projection.history] : [projection.table]) {
      changed += await masks.mask(db, table, columns, which);
    }
  }
  return changed;
}

/**
 * A handler that fails without what was erased may have changed any row that was changed at that event or later. All of these are masked,
 * with everything that may have come from it. An event that is in dead letters has changed nothing.
 */
async function hideUnknown(
  db: Database,
  projection: Projection,
  { unknown, allColumns }: TouchedRows,
  masks: ColumnMasks,
): Promise<number> {
  if (unknown.length === 0) return 0;
  const [first] = await db.execute<{ position: number | null }>(sql`
    select min(position) as position from jsonb_array_elements_text(${JSON.stringify(unknown)}::jsonb) as u(text), lateral (select u.text::bigint as position) p
    where not exists (select from read.dead_letters d where d.projection = ${projection.checkpoint.key} and d.position = p.position)`);
  if (first?.position === null || first?.position === undefined) return 0;
  const since = sql`${Number(first.position)}::bigint`;
  let changed = await masks.mask(db, projection.table, allColumns, {
    from: sql``,
    where: sql`t.last_position >= ${since}`,
  });
  if (projection.history) {
    const where = sql`t.until_position > ${since}`;
    changed += await masks.mask(db, projection.history, allColumns, { from: sql``, where });
  }
  return changed;
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
