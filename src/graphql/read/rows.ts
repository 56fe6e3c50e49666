import DataLoader from 'dataloader';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Actor } from '../../kernel/define/access/actor.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { StoredRow } from '../../kernel/define/read-model/read-table.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import { Semaphore } from '../../scheduling/semaphore.ts';
import type { Moment } from './moment.ts';
import { type Page, type PageRequest, readPage, readPages, selectedFor } from './page.ts';
import type { ReadModels } from './read-models.ts';
import { storableText, uuidFrom } from './text.ts';
import { isVisible, type Visibility, visibilityFor, visibleWhere } from './visibility.ts';

export type RowOfProjection<P> = P extends Projection<infer Table extends PgTable> ? StoredRow<Table> : never;

/** Budget for the rows that an operation holds. */
export interface ReadBudget {
  /** @throws if the budget is exhausted. */
  read(rows: readonly RowValues[], readModel: string): void;
  /** The charged rows are no longer held. */
  released(): void;
}

/** Most lists that one statement reads, each with one page. */
const MAX_LISTS = 100;
/** Pages that an operation reads at the same time: each is charged before more are read. */
const PAGES_AT_ONCE = 4;

/** The read models as one actor sees them, for one operation: each row is loaded once. */
export class Rows {
  readonly #readModels: ReadModels;
  readonly #actor: Actor | null;
  readonly #onStale: () => void;
  readonly #budget: ReadBudget | undefined;
  readonly #hasParked: (projection: string) => boolean;
  // Undefined while it is empty, as for most subscriptions that wait for their next message.
  #loaded: Map<Projection, Map<string, Promise<unknown>>> | undefined;
  #lists: Map<string, DataLoader<unknown, Page<unknown>>> | undefined;
  #pages: Semaphore | undefined;

  /**
   * @param onStale called for every row that lacks events because they could not be applied, and for every answer from
   * which rows may
   *   be missing for that reason: a list, or no row.
   * @param budget charged for every row that is read; without one rows are free.
   * @param hasParked true if events of a read model wait in its dead letters.
   */
  constructor(
    readModels: ReadModels,
    actor: Actor | null,
    onStale: () => void = () => {},
    budget?: ReadBudget,
    hasParked: (projection: string) => boolean = () => false,
  ) {
    this.#readModels = readModels;
    this.#actor = actor;
    this.#onStale = onStale;
    this.#budget = budget;
    this.#hasParked = hasParked;
  }

  /** For a domain's own queries. They must use {@link visible}. */
  get db() {
    return this.#readModels.db;
  }

  /**
   * The row with this key; null if there is none or the actor may not see it.
   * @throws {BadUserInputError} if the key is not valid.
   * @throws {UnauthenticatedError} ForbiddenError if the actor may see no row at all.
   */
  byKey<P extends Projection>(projection: P, key: string): Promise<RowOfProjection<P> | null> {
    const text = keyFor(projection, key);
    this.#loaded ??= new Map();
    let rows = this.#loaded.get(projection);
    if (!rows) {
      rows = new Map();
      this.#loaded.set(projection, rows);
    }
    let row = rows.get(text);
    if (!row) {
      row = this.#load(projection, text);
      rows.set(text, row);
    }
    return row as Promise<RowOfProjection<P> | null>;
  }

  /**
   * The row with this key as it was at a time, or in a version; null if there was none, or the actor may not see it:
   * neither as it was nor, if it still exists, as it is now.
   * @throws {BadUserInputError} if the key is not valid.
   * @throws {UnauthenticatedError} ForbiddenError if the actor may see no row at all.
   */
  async asOf<P extends Projection>(projection: P, key: string, moment: Moment): Promise<RowOfProjection<P> | null> {
    const visibility = this.visibility(projection);
    const text = keyFor(projection, key);
    // Read the current row first: a version that ends after this read is in the history by the time that is read.
    const present = await this.#readModels.row(projection, text);
    if (present && !isVisible(visibility, present)) return null;
    if (present && isMeant(present, moment)) {
      this.#look(projection, [present]);
      return present as RowOfProjection<P>;
    }
    const former = await this.#readModels.former.find(projection, text, moment);
    if (former) this.#budget?.read([former], projection.name);
    if (former) return isVisible(visibility, former) ? (former as RowOfProjection<P>) : null;
    // The row was filled before its history was kept: the answer may be incomplete.
    if (present && !present.validFrom) this.#onStale();
    if (!present) this.#mayLackRows(projection);
    return null;
  }

  /** A page of the rows that the actor may see. */
  async page<P extends Projection>(projection: P, request: PageRequest): Promise<Page<RowOfProjection<P>>> {
    const where = visibleWhere(projection, this.visibility(projection));
    const visible = { ...request, where: [where, ...(request.where ?? [])] };
    this.#pages ??= new Semaphore(PAGES_AT_ONCE);
    return this.#pages.run(async () => {
      // An operation without budget reads nothing.
      this.#budget?.read([], projection.name);
      const page = await readPage<RowOfProjection<P>>(this.#readModels.db, projection, visible);
      this.#look(
        projection,
        page.edges.map(({ node }) => node),
      );
      this.#mayLackRows(projection);
      return page;
    });
  }

  /**
   * A page of the rows that the actor may see and in which the column has this value. The same list for many parents
   * (the loans of each member of a page) is one statement.
   */
  async pageWhere<P extends Projection>(
    projection: P,
    column: PgColumn,
    value: unknown,
    request: Omit<PageRequest, 'where'>,
  ): Promise<Page<RowOfProjection<P>>> {
    const where = visibleWhere(projection, this.visibility(projection));
    return this.#pageOf(projection, column, value, { ...request, where: [where] });
  }

  /**
   * The same for rows that are parts of another row. The actor sees that row and so its parts: the `visibleTo` of the
   * parts, which is for direct access, is not applied.
   */
  async pageOfParts<P extends Projection>(
    projection: P,
    column: PgColumn,
    value: unknown,
    request: Omit<PageRequest, 'where'>,
  ): Promise<Page<RowOfProjection<P>>> {
    return this.#pageOf(projection, column, value, request);
  }

  /** The rows of a read model that the actor may see, as a condition for queries; undefined for all. */
  visible(projection: Projection) {
    this.#mayLackRows(projection);
    return visibleWhere(projection, this.visibility(projection));
  }

  visibility(projection: Projection): Visibility {
    return visibilityFor(projection, this.#actor);
  }

  /** Forgets all loaded rows, so that the next message of a subscription shows the current state. */
  clear(): void {
    this.#loaded = undefined;
    this.#lists = undefined;
    this.#budget?.released();
  }

  async #pageOf<P extends Projection>(
    projection: P,
    column: PgColumn,
    value: unknown,
    request: PageRequest,
  ): Promise<Page<RowOfProjection<P>>> {
    const { args, sortBy, direction, where } = request;
    const { name } = selectedFor(projection, request);
    const key = JSON.stringify([projection.name, column.name, sortBy.name, direction, args, where !== undefined, name]);
    this.#lists ??= new Map();
    let list = this.#lists.get(key);
    if (!list) {
      list = new DataLoader((values) => readPages(this.#readModels.db, projection, request, { column, values }), {
        maxBatchSize: MAX_LISTS,
      });
      this.#lists.set(key, list);
    }
    const page = (await list.load(value)) as Page<RowOfProjection<P>>;
    this.#look(
      projection,
      page.edges.map(({ node }) => node),
    );
    this.#mayLackRows(projection);
    return page;
  }

  async #load(projection: Projection, key: string): Promise<unknown> {
    const visibility = this.visibility(projection);
    const row = await this.#readModels.row(projection, key);
    if (!row || !isVisible(visibility, row)) {
      this.#mayLackRows(projection);
      return null;
    }
    this.#look(projection, [row]);
    return row;
  }

  /** A list, or no row, was read: waiting events may have created or changed rows that would belong to the answer. */
  #mayLackRows({ name }: Pick<Projection, 'name'>): void {
    if (this.#hasParked(name)) this.#onStale();
  }

  #look(projection: Projection, rows: readonly RowValues[]): void {
    this.#budget?.read(rows, projection.name);
    if (rows.some(({ staleSince }) => staleSince !== null)) this.#onStale();
  }
}

/** True if the current row is the version that is asked for. */
function isMeant({ validFrom, version }: RowValues, moment: Moment): boolean {
  if ('version' in moment) return version === moment.version;
  return validFrom instanceof Date && validFrom <= moment.at;
}

/** A key in the form that the read model stores. @throws {BadUserInputError} */
export function keyFor(projection: Pick<Projection, 'key'>, key: string): string {
  if (projection.key[0]?.column.getSQLType() !== 'uuid') return storableText(key, 'A key');
  return uuidFrom(key);
}
