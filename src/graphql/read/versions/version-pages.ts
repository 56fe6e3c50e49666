import { asc, desc, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { GraphQLResolveInfo } from 'graphql';
import type { Database } from '../../../database/client.ts';
import { arrayLiteral, arrayText } from '../../../database/column-arrays.ts';
import type { KeyColumn, Projection } from '../../../kernel/define/read-model/projection.ts';
import { formerValue } from '../../../kernel/read/fold/former-value.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { decodeCursor, encodeCursor, refuseBadCursor } from '../pages/cursor.ts';
import { LIST_NUMBER } from '../pages/lists-by.ts';
import { type Page, type PageArguments, pageOf, sizeOf } from '../pages/page-shape.ts';
import { type SelectedColumns, selectedColumns } from '../selected-columns.ts';
import { type Visibility, visibleWhere } from '../visibility.ts';
import { presentVersion, type VersionRow, versionColumns } from './version-row.ts';

export interface VersionsRequest {
  readonly args: PageArguments;
  /** Of the field that shows the page: columns that its selection does not need are not read. Without it, all are. */
  readonly info?: GraphQLResolveInfo;
}

/** The order of the lists, as their cursors name it. */
const ORDER = 'versions desc';

/** What a page of versions reads of each version, and needs of the row itself. */
export function selectedForVersions(projection: Projection, { info }: VersionsRequest): SelectedColumns {
  return selectedColumns(projection, info, ['version']);
}

/**
 * A page of the versions of each of several rows, newest first, in one statement. The newest version is the row as it
 * was read, and the others are those before it: a change meanwhile neither repeats nor hides one.
 *
 * @param presents the rows, with the columns of {@link selectedForVersions}.
 * @param visibility former versions that the actor could not see are left out.
 * @returns one page for each row, in their order.
 * @throws {BadUserInputError} for invalid arguments.
 */
export async function readVersionPages(
  db: Database,
  projection: Projection,
  presents: readonly RowValues[],
  request: VersionsRequest,
  visibility: Visibility,
): Promise<Page<VersionRow>[]> {
  const { args } = request;
  const { limit, backwards } = sizeOf(args);
  const [after, before] = [placeAt(args.after), placeAt(args.before)];
  const selected = selectedForVersions(projection, request);
  const place = [columnOf(projection, 'version'), columnOf(projection, 'fromPosition')];
  const beyond = (end: Place | undefined, is: '<' | '>') =>
    end &&
    sql`(${sql.join(place, sql`, `)}) ${sql.raw(is)} (${String(end.version)}::text::int, ${String(end.position)}::text::bigint)`;
  const order = place.map((column) => (backwards ? asc(column) : desc(column)));
  const page = sql`(select * from ${projection.history} former
    where ${isFormer(projection, visibility)} and ${beyond(after, '<') ?? true} and ${beyond(before, '>') ?? true}
    order by ${sql.join(order, sql`, `)} limit ${limit + 1}) former`;
  const found = await db
    .select({ nth: LIST_NUMBER, row: columnsOf(projection, selected) })
    .from(listsOf(projection, presents))
    .crossJoinLateral(page)
    .orderBy(sql`list.nth`, ...order)
    .prepare(`${projection.name}_version_pages`)
    .execute()
    .catch(refuseBadCursor);
  const former: RowValues[][] = presents.map(() => []);
  const { prototype } = selected;
  const version = (row: RowValues): RowValues =>
    Object.assign(prototype ? Object.create(prototype) : {}, row, { staleSince: null });
  // A former version includes everything that happened while it was valid.
  for (const { nth, row } of found) former[nth - 1]?.push(version(row));
  const isOnPage = (at: Place) => (!after || isBelow(at, after)) && (!before || isBelow(before, at));
  return presents.map((row, nth) => {
    const present = presentVersion(row);
    const newest = present && isOnPage(placeOf(present)) ? [present] : [];
    const others = former[nth] ?? [];
    const inReadingOrder = backwards ? [...others, ...newest] : [...newest, ...others];
    return pageOf<VersionRow>({ args, limit, backwards, cursorOf }, inReadingOrder);
  });
}

/** The number of versions of each of several rows, in one statement, in the order of the rows. */
export async function countVersions(
  db: Database,
  projection: Projection,
  presents: readonly RowValues[],
  visibility: Visibility,
): Promise<number[]> {
  const counted = sql`(select count(*) as total from ${projection.history} former
    where ${isFormer(projection, visibility)}) counted`;
  const found = await db
    .select({ total: sql`counted.total`.mapWith(Number) })
    .from(listsOf(projection, presents))
    .crossJoinLateral(counted)
    .orderBy(sql`list.nth`)
    .prepare(`${projection.name}_version_counts`)
    .execute();
  return presents.map((row, nth) => (found[nth]?.total ?? 0) + (presentVersion(row) ? 1 : 0));
}

/** The rows whose versions are read, as a table `list`: key and position of each, numbered from 1. */
function listsOf(projection: Projection, presents: readonly RowValues[]): SQL {
  const { property, column } = keyOf(projection);
  const keys = presents.map((row) => row[property]);
  const positions = presents.map(({ lastPosition }) => lastPosition as number);
  return sql`unnest(${arrayLiteral(column, keys)}::text::${sql.raw(column.getSQLType())}[], ${arrayText(positions)}::text::bigint[])
    with ordinality as list(value, position, nth)`;
}

/** The condition that a former version is one of the row of a list, before the row as it was read, and visible. */
function isFormer(projection: Projection, visibility: Visibility): SQL {
  const key = sql.identifier(keyOf(projection).column.name);
  const visible = visibleWhere(projection, visibility, (column) => formerValue(projection, column, 'former'));
  return sql`former.${key} = list.value and former.from_position < list.position and ${visible ?? true}`;
}

function keyOf({ name, key }: Projection): KeyColumn {
  const [only, ...more] = key;
  if (!only || more.length > 0) throw new Error(`Rows of ${name} have a key of several columns.`);
  return only;
}

function columnOf({ history }: Projection, property: string): SQL {
  const { name } = (history as unknown as Record<string, PgColumn>)[property] as PgColumn;
  return sql`former.${sql.identifier(name)}`;
}

function columnsOf(projection: Projection, { columns }: SelectedColumns): Record<string, SQL> {
  const all = Object.entries(versionColumns(projection, 'former'));
  return Object.fromEntries(all.filter(([property]) => property in columns || property === 'validUntil'));
}

/** The place of a version in its list. A greater place is newer. */
interface Place {
  readonly version: number;
  readonly position: number;
}

function placeOf({ version, lastPosition }: RowValues): Place {
  return { version: version as number, position: lastPosition as number };
}

function placeAt(cursor: string | null | undefined): Place | undefined {
  if (cursor == null) return undefined;
  const [version = Number.NaN, position = Number.NaN] = decodeCursor(cursor, ORDER, 2).map(Number);
  return { version, position };
}

function cursorOf(row: RowValues): string {
  const { version, position } = placeOf(row);
  return encodeCursor(ORDER, [version, position]);
}

function isBelow(one: Place, other: Place): boolean {
  return one.version < other.version || (one.version === other.version && one.position < other.position);
}
