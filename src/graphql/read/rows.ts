import { eq, or, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { GraphQLResolveInfo } from 'graphql';
import type { Database } from '../../database/client.ts';
import { watchedDatabase } from '../../database/driver/drizzle/watched-database.ts';
import type { Actor } from '../../kernel/define/access/actor.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import { undeclaredRead } from './declared-reads.ts';
import type { PageRequest } from './pages/cut.ts';
import { type ListOf, Lists } from './pages/lists.ts';
import { type Page, rowsOf } from './pages/page-shape.ts';
import type { ReadModels } from './read-models.ts';
import type { RecordedList } from './read-recorder.ts';
import type { CountedPage, NodeRow, RowOfProjection, VersionOf } from './row-types.ts';
import type { RowsOptions } from './rows-options.ts';
import { type SelectedColumns, selectedColumns } from './selected-columns.ts';
import { keyFor, uuidFrom } from './text.ts';
import { isMeant, type Moment } from './versions/moment.ts';
import type { VersionsRequest } from './versions/version-pages.ts';
import { presentVersion } from './versions/version-row.ts';
import { isVisible, maySee, type Visibility, visibilityFor, visibleWhere } from './visibility.ts';

/** The read models as one actor sees them, for one operation: each row is loaded once for each selection of columns. */
export class Rows {
  readonly #readModels: ReadModels;
  readonly #actor: Actor | null;
  readonly #options: RowsOptions;
  #db: Database | undefined;
  // Undefined while it is empty, as for most subscriptions that wait for their next message.
  #loaded: Map<Projection, Map<string, Promise<unknown>>> | undefined;
  #openLists: Lists | undefined;

  constructor(readModels: ReadModels, actor: Actor | null, options: RowsOptions = {}) {
    this.#readModels = readModels;
    this.#actor = actor;
    this.#options = options;
  }

  /**
   * For a domain's own queries. They must use {@link visible}. A query throws READ_UNDECLARED if no field of the operation
   * declares that it reads from one of its tables.
   */
  get db(): Database {
    this.#options.recorder?.statement();
    this.#db ??= watchedDatabase(this.#readModels.db, (table) => {
      const owner = this.#readModels.owners.get(table);
      if (owner !== undefined) this.#refuseUndeclared(owner);
    });
    return this.#db;
  }

  /**
   * The row with this key; null if there is none or the actor may not see it.
   * @param info of the field that shows the row: long columns that its selection does not need are not read. Without
   *   it, all are.
   * @throws {BadUserInputError} if the key is not valid.
   * @throws {UnauthenticatedError} ForbiddenError if the actor may see no row at all.
   */
  byKey<P extends Projection>(
    projection: P,
    key: string,
    info?: GraphQLResolveInfo,
  ): Promise<RowOfProjection<P> | null> {
    const text = keyFor(projection, key);
    this.#loaded ??= new Map();
    let rows = this.#loaded.get(projection);
    if (!rows) {
      rows = new Map();
      this.#loaded.set(projection, rows);
    }
    const name = info ? `${text}\0${selectedColumns(projection, info, []).name}` : text;
    let row = rows.get(name);
    if (!row) {
      this.#options.recorder?.row(projection.name, text);
      row = this.#load(projection, text, info);
      rows.set(name, row);
    }
    return row as Promise<RowOfProjection<P> | null>;
  }

  /**
   * The row with this id, in whichever of these read models it is; null if there is none or the actor may not see it,
   * also if they may see no row of its read model at all. If several have it, the first counts that the actor may see.
   * @param isPreferred read models that come before the others.
   * @throws {BadUserInputError} if the id is not valid.
   */
  async node(
    projections: readonly Projection[],
    id: string,
    isPreferred: (projection: Projection) => boolean = () => false,
  ): Promise<NodeRow | null> {
    const uuid = uuidFrom(id);
    // The row may come into being in any of them.
    for (const { name } of projections) this.#options.recorder?.row(name, uuid);
    const found = await this.#readModels.nodes.find(projections, uuid);
    for (const projection of found.toSorted((a, b) => Number(isPreferred(b)) - Number(isPreferred(a)))) {
      this.#options.recorder?.rights(projection.name);
      const row = maySee(projection, this.#actor) ? await this.byKey(projection, uuid) : null;
      if (row) return { projection, row };
    }
    for (const each of projections) this.#mayLackRows(each);
    return null;
  }

  /**
   * The row with this key as it was at a time, or in a version; null if there was none, or the actor may not see it:
   * neither as it was nor, if it still exists, as it is now.
   * @throws {BadUserInputError} if the key is not valid.
   * @throws {UnauthenticatedError} ForbiddenError if the actor may see no row at all.
   */
  async asOf<P extends Projection>(projection: P, key: string, moment: Moment): Promise<VersionOf<P> | null> {
    this.#refuseUndeclared(projection.name);
    const visibility = this.visibility(projection);
    const text = keyFor(projection, key);
    this.#options.recorder?.row(projection.name, text);
    // Read the current row first: a version that ends after this read is in the history by the time that is read.
    const present = await this.#readModels.row(projection, text, this.#options.caller);
    if (present && !isVisible(visibility, present)) return null;
    const newest = present && presentVersion(present);
    if (newest && isMeant(newest, moment)) {
      this.#noteRead(projection, [newest]);
      return newest as VersionOf<P>;
    }
    const former = await this.#readModels.former.find(projection, text, moment);
    if (former) this.#options.budget?.read([former], projection.name);
    if (former) return isVisible(visibility, former) ? (former as VersionOf<P>) : null;
    if (present && !newest) this.#options.onStale?.();
    if (!present) this.#mayLackRows(projection);
    return null;
  }

  /**
   * The versions of a row that the actor sees, newest first, with one page of them: the row, and those former versions
   * that they could see. The versions of many rows are one statement. Marks the answer as stale if the row was filled
   * before its history was kept, so that its present version is missing.
   * @param row as this operation has read it.
   * @throws {UnauthenticatedError} ForbiddenError if the actor may see no row at all.
   */
  async versions<P extends Projection>(
    projection: P,
    row: RowOfProjection<P>,
    request: VersionsRequest,
  ): Promise<CountedPage<VersionOf<P>>> {
    this.#refuseUndeclared(projection.name);
    const visibility = this.visibility(projection);
    const [key] = projection.key;
    if (key) this.#options.recorder?.row(projection.name, String((row as RowValues)[key.property]));
    const lists = this.#lists;
    const page = await lists.versionsOf(projection, row, request, visibility);
    this.#noteRead(projection, nodesOf(page));
    if (!presentVersion(row)) this.#options.onStale?.();
    const counted = { ...page, totalCount: () => lists.countVersionsOf(projection, row, visibility) };
    return counted as CountedPage<VersionOf<P>>;
  }

  /** The list of the rows that the actor may see, with one page of it. */
  async page<P extends Projection>(projection: P, request: PageRequest): Promise<CountedPage<RowOfProjection<P>>> {
    this.#refuseUndeclared(projection.name);
    const visibility = this.visibility(projection);
    const where = [visibleWhere(projection, visibility), ...(request.where ?? [])];
    const conditions = [...(request.where ?? []), or(...(request.anyOf ?? []))];
    const recorded = { visibility, conditions };
    const hasRead = this.#options.recorder?.page(projection, recorded);
    const lists = this.#lists;
    const page = await lists.page<RowOfProjection<P>>(projection, { ...request, where }, (found) =>
      this.#noteRead(projection, nodesOf(found)),
    );
    hasRead?.(rowsOf(page));
    const { anyOf } = request;
    const counted = anyOf ? [...where, or(...anyOf) ?? sql`false`] : where;
    return this.#counted(projection, page, recorded, () => lists.count(projection, counted));
  }

  /**
   * The list of the rows that the actor may see and in which the column has this value, with one page of it. The same
   * list for many parents (the loans of each member of a page) is one statement.
   */
  async pageWhere<P extends Projection>(
    projection: P,
    column: PgColumn,
    value: unknown,
    request: Omit<PageRequest, 'where' | 'anyOf'>,
  ): Promise<CountedPage<RowOfProjection<P>>> {
    const visibility = this.visibility(projection);
    const where = [visibleWhere(projection, visibility)];
    return this.#pageOf(projection, { column, value }, { ...request, where }, visibility);
  }

  /**
   * The same for rows that are parts of another row. The actor sees that row and so its parts: the `visibleTo` of the
   * parts, which is for direct access, is not applied.
   */
  async pageOfParts<P extends Projection>(
    projection: P,
    column: PgColumn,
    value: unknown,
    request: Omit<PageRequest, 'where' | 'anyOf'>,
  ): Promise<CountedPage<RowOfProjection<P>>> {
    return this.#pageOf(projection, { column, value }, request, 'all');
  }

  /** The rows of a read model that the actor may see, as a condition for queries; undefined for all. */
  visible(projection: Projection) {
    this.#refuseUndeclared(projection.name);
    this.#options.recorder?.rows(projection.name);
    this.#mayLackRows(projection);
    return visibleWhere(projection, this.visibility(projection));
  }

  visibility(projection: Projection): Visibility {
    this.#options.recorder?.rights(projection.name);
    return visibilityFor(projection, this.#actor);
  }

  /** Forgets all loaded rows, so that the next message of a subscription shows the current state. */
  clear(): void {
    this.#loaded = undefined;
    this.#openLists = undefined;
    this.#options.budget?.released();
  }

  get #lists(): Lists {
    // Undefined while no list is read, like the loaded rows.
    const { caller = '', budget } = this.#options;
    this.#openLists ??= new Lists(this.#readModels.db, caller, (readModel) => budget?.read([], readModel));
    return this.#openLists;
  }

  async #pageOf<P extends Projection>(
    projection: P,
    list: ListOf,
    request: PageRequest,
    visibility: Visibility,
  ): Promise<CountedPage<RowOfProjection<P>>> {
    this.#refuseUndeclared(projection.name);
    const recorded = { visibility, conditions: [eq(list.column, list.value)] };
    const hasRead = this.#options.recorder?.page(projection, recorded);
    const lists = this.#lists;
    const page = await lists.pageOf<RowOfProjection<P>>(projection, list, request);
    this.#noteRead(projection, nodesOf(page));
    hasRead?.(rowsOf(page));
    return this.#counted(projection, page, recorded, () => lists.countOf(projection, list, request.where));
  }

  #counted<Node>(
    projection: Projection,
    page: Page<Node>,
    list: RecordedList,
    totalCount: () => Promise<number>,
  ): CountedPage<Node> {
    this.#mayLackRows(projection);
    return {
      ...page,
      totalCount: () => {
        this.#options.recorder?.count(projection, list);
        return totalCount();
      },
    };
  }

  async #load(projection: Projection, key: string, info: GraphQLResolveInfo | undefined): Promise<unknown> {
    this.#refuseUndeclared(projection.name);
    const visibility = this.visibility(projection);
    const row = await this.#readModels.row(
      projection,
      key,
      this.#options.caller,
      info && selectedToSee(projection, info, visibility),
    );
    if (!row || !isVisible(visibility, row)) {
      this.#mayLackRows(projection);
      return null;
    }
    this.#noteRead(projection, [row]);
    return row;
  }

  #refuseUndeclared(projection: string): void {
    if (this.#options.isDeclared?.(projection) === false) throw undeclaredRead(projection);
  }

  /** A list, or no row, was read: waiting events may have created or changed rows that would belong to the answer. */
  #mayLackRows({ name }: Pick<Projection, 'name'>): void {
    if (this.#options.hasParked?.(name)) this.#options.onStale?.();
  }

  #noteRead(projection: Projection, rows: readonly RowValues[]): void {
    this.#options.budget?.read(rows, projection.name);
    if (rows.some(({ staleSince }) => staleSince !== null)) this.#options.onStale?.();
  }
}

/** The columns of a row that a field shows, its key, and the columns that decide whether the actor may see it. */
function selectedToSee(projection: Projection, info: GraphQLResolveInfo, visibility: Visibility): SelectedColumns {
  const needed = visibility === 'all' ? [] : visibility.flatMap((values) => Object.keys(values));
  return selectedColumns(projection, info, [...needed, ...projection.key.map(({ property }) => property)]);
}

const nodesOf = ({ edges }: Pick<Page<RowValues>, 'edges'>) => edges.map(({ node }) => node);
