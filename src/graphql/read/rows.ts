import DataLoader from 'dataloader';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Actor } from '../../kernel/define/actor.ts';
import type { Projection } from '../../kernel/define/projection.ts';
import type { StoredRow } from '../../kernel/define/read-table.ts';
import type { Row } from '../../kernel/read/fold/working-rows.ts';
import { Gate } from './gate.ts';
import type { Moment } from './moment.ts';
import { type Page, type PageRequest, readPage, readPages } from './page.ts';
import type { ReadModels } from './read-models.ts';
import { storableText, uuidFrom } from './text.ts';
import { isVisible, type Visibility, visibilityFor, visibleWhere } from './visibility.ts';

export type RowOfProjection<P> = P extends Projection<infer Table extends PgTable> ? StoredRow<Table> : never;

/** What is charged for the rows that an operation holds. */
export interface ReadBudget {
  /** @throws if there is nothing left. */
  read(rows: readonly Row[], readModel: string): void;
  /** The rows that were charged are not held any more. */
  released(): void;
}

/** Lists that one statement reads at most, each of a page's length. */
const MAX_LISTS = 100;
/** Pages that an operation reads at the same time: what is read is charged before more is. */
const PAGES_AT_ONCE = 4;

/** Read models as one actor sees them, for one operation: each row is loaded once. */
export class Rows {
  readonly #readModels: ReadModels;
  readonly #actor: Actor | null;
  readonly #onStale: () => void;
  readonly #budget: ReadBudget | undefined;
  readonly #hasParked: (projection: string) => boolean;
  // Most of those that wait for a subscription's next message are empty: they have no maps.
  #loaded: Map<Projection, Map<string, Promise<unknown>>> | undefined;
  #lists: Map<string, DataLoader<unknown, Page<unknown>>> | undefined;
  #pages: Gate | undefined;

  /**
   * @param onStale is told of every row that lacks events which could not be applied, and of every answer in which rows may be
   *   missing for that reason: a list, or no row.
   * @param budget is charged for every row that is read; without one they are free.
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

  /** For queries of a domain's own making. They must use {@link visible}. */
  get db() {
    return this.#readModels.db;
  }

  /**
   * The row with this key; null where there is none, or none that the actor may see.
   * @throws {BadUserInputError} where the key cannot be one.
   * @throws {UnauthenticatedError} ForbiddenError where the actor may see no row at all.
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
   * The row with this key as it was at a time, or in a version; null where there was none then, or none that the actor may see:
   * neither as it was nor, where it is still there, as it is.
   * @throws {BadUserInputError} where the key cannot be one.
   * @throws {UnauthenticatedError} ForbiddenError where the actor may see no row at all.
   */
  async asOf<P extends Projection>(projection: P, key: string, moment: Moment): Promise<RowOfProjection<P> | null> {
    const visibility = this.visibility(projection);
    const text = keyFor(projection, key);
    // The present row first: what it has not been since then, had become history by the time it was read.
    const present = await this.#readModels.row(projection, text);
    if (present && !isVisible(visibility, present)) return null;
    if (present && isMeant(present, moment)) {
      this.#look(projection, [present]);
      return present as RowOfProjection<P>;
    }
    const former = await this.#readModels.former.find(projection, text, moment);
    if (former) this.#budget?.read([former], projection.name);
    if (former) return isVisible(visibility, former) ? (former as RowOfProjection<P>) : null;
    // It was filled before its history was kept: there is more to know than can be answered.
    if (present && !present.heldFrom) this.#onStale();
    if (!present) this.#mayLackRows(projection);
    return null;
  }

  /** A page of the rows that the actor may see. */
  async page<P extends Projection>(projection: P, request: PageRequest): Promise<Page<RowOfProjection<P>>> {
    const where = visibleWhere(projection, this.visibility(projection));
    const visible = { ...request, where: [where, ...(request.where ?? [])] };
    this.#pages ??= new Gate(PAGES_AT_ONCE);
    return this.#pages.run(async () => {
      // Nothing is read for an operation that has nothing left.
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
   * A page of the rows that the actor may see and where the column has this value. The same list of many parents (the orders
   * of each customer of a page) is one statement.
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
   * The same of rows that are parts of another, which the actor sees and so sees these: their own `visibleTo`, which is for who
   * comes to them otherwise, is not asked.
   */
  async pageOfParts<P extends Projection>(
    projection: P,
    column: PgColumn,
    value: unknown,
    request: Omit<PageRequest, 'where'>,
  ): Promise<Page<RowOfProjection<P>>> {
    return this.#pageOf(projection, column, value, request);
  }

  /** What the actor may see of a read model, as a condition for queries over its rows; undefined for all. */
  visible(projection: Projection) {
    this.#mayLackRows(projection);
    return visibleWhere(projection, this.visibility(projection));
  }

  visibility(projection: Projection): Visibility {
    return visibilityFor(projection, this.#actor);
  }

  /** Forgets what was loaded: the next event of a subscription shows what is there then. */
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
    const key = JSON.stringify([projection.name, column.name, sortBy.name, direction, args, where !== undefined]);
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

  /** A list, or no row, was read: events that wait may have made or changed rows that would belong to the answer. */
  #mayLackRows({ name }: Pick<Projection, 'name'>): void {
    if (this.#hasParked(name)) this.#onStale();
  }

  #look(projection: Projection, rows: readonly Row[]): void {
    this.#budget?.read(rows, projection.name);
    if (rows.some(({ staleSince }) => staleSince !== null)) this.#onStale();
  }
}

/** True where the row as it is now is the version that is asked for. */
function isMeant({ heldFrom, version }: Row, moment: Moment): boolean {
  if ('version' in moment) return version === moment.version;
  return heldFrom instanceof Date && heldFrom <= moment.at;
}

/** A key as the read model writes it. @throws {BadUserInputError} */
export function keyFor(projection: Pick<Projection, 'key'>, key: string): string {
  if (projection.key[0]?.column.getSQLType() !== 'uuid') return storableText(key, 'A key');
  return uuidFrom(key);
}
