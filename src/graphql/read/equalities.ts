import { Column, is, Param, type SQL, StringChunk } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { isComparedExactly } from '../../kernel/define/read-model/exact-types.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import type { Conditions } from './pages/count.ts';
import type { Visibility } from './visibility.ts';

/** Most combinations of values for which a list is found by the values of a row. */
const MAX_COMBINATIONS = 64;

/**
 * Sets of values of which every row of a list has one: `where` requires them, or the rights to see the row. A row
 * without any of these is not in the list; a row with one may be.
 *
 * Only Drizzle's `eq(column, value)` and `inArray(column, values)` are understood, and other conditions are ignored.
 * @returns undefined if every row may be in the list.
 */
export function valuesOfList(
  { table }: Pick<Projection, 'table'>,
  visibility: Visibility,
  conditions: Conditions,
): readonly Partial<RowValues>[] | undefined {
  let combinations: readonly Partial<RowValues>[] = visibility === 'all' ? [{}] : visibility;
  for (const condition of conditions) {
    const equality = condition && equalityIn(condition, table as unknown as Readonly<Record<string, PgColumn>>);
    if (!equality || combinations.length * equality.values.length > MAX_COMBINATIONS) continue;
    const { property, values } = equality;
    combinations = combinations.flatMap((required) => {
      // The rights may require a value of the same property. Then the condition can only leave out more.
      if (property in required) return [required];
      return values.map((value) => ({ ...required, [property]: value }));
    });
  }
  return combinations.some((required) => Object.keys(required).length === 0) ? undefined : combinations;
}

interface Equality {
  readonly property: string;
  readonly values: readonly unknown[];
}

/** What `eq` and `inArray` make of a column and a value: a text, the column, the operator, and what it is compared with. */
function equalityIn(condition: SQL, table: Readonly<Record<string, PgColumn>>): Equality | undefined {
  const [before, column, operator, operand, after, ...more] = condition.queryChunks;
  if (!isText(before, '') || !is(column, Column) || !isText(after, '') || more.length > 0) return undefined;
  const params = isText(operator, ' = ') ? [operand] : isText(operator, ' in ') ? operand : undefined;
  if (!Array.isArray(params) || !params.every((param) => is(param, Param))) return undefined;
  const property = Object.keys(table).find((name) => table[name] === column);
  if (property === undefined || !isComparedExactly(table[property] as PgColumn)) return undefined;
  const isUuid = column.getSQLType() === 'uuid';
  const values = params.map(({ value }) => (isUuid ? String(value).toLowerCase() : value));
  return values.includes(null) ? undefined : { property, values };
}

function isText(chunk: unknown, text: string): boolean {
  return is(chunk, StringChunk) && chunk.value.join('') === text;
}
