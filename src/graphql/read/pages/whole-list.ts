import { is, SQL, sql } from 'drizzle-orm';
import { getTableConfig, type IndexedColumn, type PgColumn } from 'drizzle-orm/pg-core';
import { LRUCache } from 'lru-cache';
import type { Database } from '../../../database/client.ts';
import { arrayText } from '../../../database/column-arrays.ts';
import { mapped, rowMapper } from '../../../database/driver/drizzle/mapped.ts';
import { approximateBytes, PAGE_BYTES } from '../../../kernel/bytes.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { type GroupLimits, GroupRead } from '../by-key/group-read.ts';
import type { Cut } from './cut.ts';
import { LIST_NUMBER } from './lists-by.ts';
import { type PageStatement, pageQuery, rowsOf } from './page-statement.ts';

/**
 * Most pages that one statement reads, and their bytes (approximate). If all but one have forged cursors, dividing them until
 * each is read for itself takes 63 statements. {@link GroupRead} makes no more than 64, and refuses what is left.
 */
const BATCH: GroupLimits<RowValues[]> = { keys: 32, bytes: PAGE_BYTES, bytesOf: approximateBytes };
/**
 * Most lists of one database whose pages are read together: each has a statement of its own for each size of pages. Beyond
 * that the least recently used one is forgotten.
 */
const MAX_GROUPS = 200;

/** What is kept for the lists of one database. */
interface WholeLists {
  /**
   * By list, order and direction. Statements of one list and order differ only in their parameters, and building one
   * takes Drizzle longer than Postgres needs to execute it.
   */
  readonly statements: Map<string, PageStatement>;
  /** The same for each size of pages. */
  readonly groups: LRUCache<string, GroupRead<RowValues[]>>;
}

const listsOf = new WeakMap<Database, WholeLists>();

/**
 * Reads the rows of a page of a list without conditions. Pages of one list that any operations ask for while others are
 * read are read with the next statement, together, and equal pages only once.
 *
 * This is for lists in the order of an index alone, whose pages cost Postgres the same wherever they are. If Postgres has
 * to sort a list for a page, the operation reads it for itself: it is charged for the time, and ends it with its own end.
 */
export function readWholeList(db: Database, projection: Projection, cut: Cut, caller: string): Promise<RowValues[]> {
  const lists: WholeLists = listsOf.get(db) ?? { statements: new Map(), groups: new LRUCache({ max: MAX_GROUPS }) };
  listsOf.set(db, lists);
  const name = `${projection.name} ${cut.name}`;
  let alone = lists.statements.get(name);
  if (!alone) {
    alone = rowsOf(db, `${projection.name}_page`, pageQuery(db, projection, cut, []), cut.selected);
    lists.statements.set(name, alone);
  }
  const named = `${name} ${cut.limit}`;
  let group = lists.groups.get(named);
  if (!group) {
    if (!isInOrderOfIndex(projection, cut.columns)) return alone(cut.parameters);
    group = groupOf(db, projection, cut, alone);
    lists.groups.set(named, group);
  }
  return group.load(JSON.stringify(cut.parameters), caller).then((rows) => rows ?? []);
}

/** What a page is asked for with, also as it was read from JSON. */
type Parameters = Readonly<Record<string, string | number>>;

function groupOf(db: Database, projection: Projection, cut: Cut, alone: PageStatement): GroupRead<RowValues[]> {
  const together = pagesStatement(db, projection, cut);
  return new GroupRead(async (keys) => {
    const asked = keys.map((key) => JSON.parse(key) as Parameters);
    const pages = asked.length > 1 ? await together(asked) : [await alone(asked[0] as Parameters)];
    return new Map(keys.map((key, nth) => [key, pages[nth] ?? []]));
  }, BATCH);
}

/**
 * A statement for several pages of a list. The size of the pages is written into it: if Postgres does not know how many
 * rows are wanted, it may prefer to sort them all.
 */
function pagesStatement(
  db: Database,
  projection: Projection,
  { columns, limit, where, order, selected, parameters }: Cut,
) {
  const names = Object.keys(parameters).filter((name) => name !== 'limit');
  const page = db
    .select(selected.columns)
    .from(projection.table)
    .where(where((name) => sql`list.${sql.identifier(name)}`))
    .orderBy(...columns.map((column) => order(column)))
    .limit(limit + 1)
    .as('page');
  const arrays = names.map((name) => sql`${sql.placeholder(name)}::text::text[]`);
  const places = [...names, 'nth'].map((name) => sql.identifier(name));
  const query = db
    .select({ nth: LIST_NUMBER, row: page._.selectedFields as Record<string, PgColumn> })
    .from(sql`unnest(${sql.join(arrays, sql`, `)}) with ordinality as list(${sql.join(places, sql`, `)})`)
    .crossJoinLateral(page)
    .orderBy(sql`list.nth`, ...columns.map(({ name }) => order(sql`page.${sql.identifier(name)}`)));
  const toRow = rowMapper(selected.columns, selected.prototype);
  const read = mapped(db, `${projection.name}_pages`, query, (found) =>
    found.map((each) => ({ nth: Number(each[0]), row: toRow(each, 1) })),
  );
  return async (asked: readonly Parameters[]): Promise<RowValues[][]> => {
    const pages: RowValues[][] = asked.map(() => []);
    const values = names.map((name) => [name, arrayText(asked.map((each) => each[name] ?? null))]);
    for (const { nth, row } of await read(Object.fromEntries(values))) pages[nth - 1]?.push(row);
    return pages;
  };
}

/** Whether rows that are sorted by these columns can be read in the order of an index, forwards or backwards. */
function isInOrderOfIndex({ table, key }: Projection, columns: readonly PgColumn[]): boolean {
  const isFirst = (indexed: readonly (string | undefined)[]) =>
    columns.every((column, nth) => column.name === indexed[nth]);
  if (isFirst(key.map(({ column }) => column.name))) return true;
  return getTableConfig(table).indexes.some(({ config }) => {
    const isWhole = config.where === undefined && (config.method ?? 'btree') === 'btree';
    return (
      isWhole &&
      isFirst(
        config.columns.map((column) => (is(column, SQL) ? undefined : plainName(column as Partial<IndexedColumn>))),
      )
    );
  });
}

/** The name of a column that an index sorts as lists do; undefined for any other. */
function plainName(column: Partial<IndexedColumn>): string | undefined {
  const {
    order = 'asc',
    nulls = 'last',
    opClass,
  } = ((column as { readonly indexConfig?: unknown }).indexConfig ?? {}) as {
    readonly order?: string;
    readonly nulls?: string;
    readonly opClass?: string;
  };
  return order === 'asc' && nulls === 'last' && opClass === undefined ? column.name : undefined;
}
