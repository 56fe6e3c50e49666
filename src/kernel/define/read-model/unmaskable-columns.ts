import { is, SQL } from 'drizzle-orm';
import { getTableConfig, PgColumn } from 'drizzle-orm/pg-core';
import { maskTextOf } from './masks.ts';
import type { Projection } from './projection.ts';
import { storedColumns } from './read-table.ts';

/** A column that may refuse what stands for erased data. */
export interface UnmaskableColumn {
  /** As a property of the row. */
  readonly column: string;
  /** The end of a sentence: `it is …`. */
  readonly why: string;
}

/** Those of some columns that may refuse a value that everybody who was erased has in common. */
export function unmaskableColumns(
  { table, key }: Pick<Projection, 'table' | 'key'>,
  properties: ReadonlySet<string>,
): UnmaskableColumn[] {
  const { indexes, uniqueConstraints, checks } = getTableConfig(table);
  const unique = [
    ...indexes.flatMap(({ config }) => (config.unique ? [config.columns.flatMap(columnNames)] : [])),
    ...uniqueConstraints.map(({ columns }) => columns.map(({ name }) => name)),
  ];
  // A row has its key to itself: with all of it, an index is unique whatever else is in it.
  const keys = key.map(({ column }) => column.name);
  const narrow = unique.filter((names) => !keys.every((name) => names.includes(name)));
  return Object.entries(storedColumns(table)).flatMap(([property, column]) => {
    if (!properties.has(property) || keys.includes(column.name)) return [];
    const why = reason(
      column,
      narrow,
      checks.flatMap(({ value }) => columnNames(value)),
    );
    return why === undefined ? [] : [{ column: property, why }];
  });
}

function reason(
  column: PgColumn,
  unique: readonly (readonly string[])[],
  checked: readonly string[],
): string | undefined {
  if (column.isUnique || unique.some((names) => names.includes(column.name))) return 'it is unique';
  if (checked.includes(column.name)) return 'a CHECK of the table looks at it';
  if (column.notNull && maskTextOf(column) === undefined)
    return `no value of its type, ${column.getSQLType()}, is known that says nothing, nor may it be null`;
  return undefined;
}

/** The names of the columns in a part of a definition. */
function columnNames(part: unknown): string[] {
  if (is(part, PgColumn)) return [part.name];
  if (is(part, SQL)) return part.queryChunks.flatMap(columnNames);
  const { name } = part as { readonly name?: unknown };
  return typeof name === 'string' ? [name] : [];
}
