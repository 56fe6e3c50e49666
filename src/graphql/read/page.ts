import { and, asc, desc, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Database } from '../../database/client.ts';
import type { Projection } from '../../kernel/define/projection.ts';
import { BadUserInputError } from '../errors.ts';

export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;

/** Arguments of a Relay connection. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export interface PageRequest {
  readonly args: PageArguments;
  /** Which of the orders below this is; a cursor of another one is refused. */
  readonly sortName: string;
  /** The column to sort by; rows with equal values are sorted by the key, in the same direction. */
  readonly sortBy: PgColumn;
  readonly direction: 'asc' | 'desc';
  readonly where?: readonly (SQL | undefined)[];
}

export interface Page<Row> {
  readonly edges: readonly { readonly node: Row; readonly cursor: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

/**
 * A page by keyset: as quick on the thousandth page as on the first, and rows that come or go elsewhere neither repeat nor
 * hide others (Winand, *We need tool support for keyset pagination*). Follows the Relay connection specification.
 *
 * @throws {BadUserInputError} for arguments that make no page.
 */
export async function readPage<Row>(db: Database, projection: Projection, request: PageRequest): Promise<Page<Row>> {
  const { args, sortName, sortBy, direction } = request;
  const { limit, backwards } = sizeOf(args);
  const [key] = projection.key;
  if (!key) throw new Error(`Projection ${projection.name} has no key.`);
  const after = args.after == null ? undefined : decodeCursor(args.after, sortName);
  const before = args.before == null ? undefined : decodeCursor(args.before, sortName);
  const ascending = (direction === 'asc') !== backwards;
  const beyond = (cursor: Cursor | undefined, forwards: boolean) =>
    cursor &&
    sql`(${sortBy}, ${key.column}) ${sql.raw((direction === 'asc') === forwards ? '>' : '<')}
        (${cursor.value}::${sql.raw(sortBy.getSQLType())}, ${cursor.key}::${sql.raw(key.column.getSQLType())})`;
  const order = ascending ? asc : desc;
  const found = (await db
    .select()
    .from(projection.table)
    .where(and(...(request.where ?? []), beyond(after, true), beyond(before, false)))
    .orderBy(order(sortBy), order(key.column))
    .limit(limit + 1)
    .prepare(`${projection.name}_page`)
    .execute()
    .catch(refuseBadCursor)) as Record<string, unknown>[];
  const more = found.length > limit;
  const rows = found.slice(0, limit);
  if (backwards) rows.reverse();
  const property = Object.entries(projection.table).find(([, column]) => column === sortBy)?.[0] ?? '';
  const edges = rows.map((node) => ({
    node: node as Row,
    cursor: encodeCursor(sortName, node[property], node[key.property]),
  }));
  return {
    edges,
    pageInfo: {
      hasNextPage: backwards ? args.before != null : more,
      hasPreviousPage: backwards ? more : args.after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function sizeOf({ first, last }: PageArguments): { limit: number; backwards: boolean } {
  if (first != null && last != null) throw new BadUserInputError('Ask for `first` or for `last`, not for both.');
  const [name, size] = last != null ? ['last', last] : ['first', first ?? DEFAULT_PAGE];
  if (size < 0 || size > MAX_PAGE)
    throw new BadUserInputError(`\`${name}\` is between 0 and ${MAX_PAGE}, not ${size}.`);
  return { limit: size, backwards: last != null };
}

interface Cursor {
  readonly value: string;
  readonly key: string;
}

function encodeCursor(sortName: string, value: unknown, key: unknown): string {
  const text = value instanceof Date ? value.toISOString() : String(value);
  return Buffer.from(JSON.stringify([sortName, text, String(key)])).toString('base64url');
}

function decodeCursor(cursor: string, sortName: string): Cursor {
  try {
    const [name, value, key] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (name === sortName && typeof value === 'string' && typeof key === 'string') return { value, key };
  } catch {
    // Said below.
  }
  throw new BadUserInputError('This cursor is not one of this list in this order; begin again without it.');
}

/** A forged cursor may hold a value that the column's type does not take (SQLSTATE class 22). */
function refuseBadCursor(error: unknown): never {
  const { cause } = error as { cause?: { code?: string } };
  if (cause?.code?.startsWith('22')) throw new BadUserInputError('This cursor is not one of this list.');
  throw error;
}
