import { Column, is, Param, Placeholder, SQL, type SQLWrapper, StringChunk, Table } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { ownerOf } from '../../kernel/define/read-model/versioned-table.ts';

/** Parts that name no table. */
const HARMLESS = [Param, Placeholder, StringChunk];

/**
 * The names of the read models whose tables occur in conditions of a query.
 * @returns undefined if another table, an alias or a subquery occurs: the conditions may read anything.
 */
export function readModelsIn(conditions: readonly (SQL | undefined)[]): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  const left: unknown[] = [...conditions];
  const add = (table: Table) => {
    const owner = ownerOf(table as PgTable);
    if (owner) names.add(owner.name);
    return owner !== undefined;
  };
  while (left.length > 0) {
    const part = left.pop();
    if (is(part, SQL)) left.push(...part.queryChunks);
    else if (Array.isArray(part)) left.push(...part);
    else if (is(part, Table)) {
      if (!add(part)) return undefined;
    } else if (is(part, Column)) {
      if (!add(part.table)) return undefined;
    } else if (isWrapper(part) && !HARMLESS.some((kind) => is(part, kind))) {
      return undefined;
    }
  }
  return names;
}

/** A subquery, a view, or whatever else Drizzle can turn into SQL. */
function isWrapper(part: unknown): part is SQLWrapper {
  return typeof (part as { getSQL?: unknown } | null | undefined)?.getSQL === 'function';
}
