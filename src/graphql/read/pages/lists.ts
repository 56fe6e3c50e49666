import DataLoader from 'dataloader';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { Semaphore } from '../../../scheduling/semaphore.ts';
import {
  countVersions,
  readVersionPages,
  selectedForVersions,
  type VersionsRequest,
} from '../versions/version-pages.ts';
import type { VersionRow } from '../versions/version-row.ts';
import type { Visibility } from '../visibility.ts';
import { type Conditions, countRows, countRowsOfLists } from './count.ts';
import { type PageRequest, selectedFor } from './cut.ts';
import { readPage, readPages } from './page.ts';
import type { Page } from './page-shape.ts';

/** Most lists that one statement reads, each with one page. */
const MAX_LISTS = 100;
/** Statements of lists that an operation executes at the same time: each page is charged before more are read. */
const STATEMENTS_AT_ONCE = 4;

/** The rows of one list among several of the same kind: those in which the column has this value. */
export interface ListOf {
  readonly column: PgColumn;
  readonly value: unknown;
}

/** Reads the lists of one operation. The same list for many parents (the loans of each member) is one statement. */
export class Lists {
  readonly #db: Database;
  readonly #caller: string;
  readonly #charge: (readModel: string) => void;
  readonly #loaders = new Map<string, DataLoader<unknown, unknown>>();
  readonly #statements = new Semaphore(STATEMENTS_AT_ONCE);

  /**
   * @param caller for whom they are read.
   * @param charge throws if the operation has no budget left to read anything.
   */
  constructor(db: Database, caller: string, charge: (readModel: string) => void) {
    this.#db = db;
    this.#caller = caller;
    this.#charge = charge;
  }

  /** @param take is told the page before another statement is executed. */
  page<Node>(projection: Projection, request: PageRequest, take: (page: Page<Node>) => void): Promise<Page<Node>> {
    return this.#statement(projection, async () => {
      const page = await readPage<Node>(this.#db, projection, request, this.#caller);
      take(page);
      return page;
    });
  }

  count(projection: Projection, where: Conditions): Promise<number> {
    return this.#statement(projection, () => countRows(this.#db, projection, where));
  }

  pageOf<Node>(projection: Projection, { column, value }: ListOf, request: PageRequest): Promise<Page<Node>> {
    const { args, sortBy, direction, where } = request;
    const { name } = selectedFor(projection, request);
    const key = [projection.name, column.name, sortBy.name, direction, args, where !== undefined, name];
    return this.#load(key, value, (values) => readPages<Node>(this.#db, projection, request, { column, values }));
  }

  countOf(projection: Projection, { column, value }: ListOf, where: Conditions | undefined): Promise<number> {
    const key = ['count', projection.name, column.name, where !== undefined];
    return this.#load(key, value, (values) => countRowsOfLists(this.#db, projection, where ?? [], { column, values }));
  }

  /** A page of the versions of a row. */
  versionsOf(
    projection: Projection,
    row: RowValues,
    request: VersionsRequest,
    visibility: Visibility,
  ): Promise<Page<VersionRow>> {
    const { name } = selectedForVersions(projection, request);
    return this.#load(['versions', projection.name, request.args, name], row, (rows) =>
      readVersionPages(this.#db, projection, rows as readonly RowValues[], request, visibility),
    );
  }

  countVersionsOf(projection: Projection, row: RowValues, visibility: Visibility): Promise<number> {
    return this.#load(['count of versions', projection.name], row, (rows) =>
      countVersions(this.#db, projection, rows as readonly RowValues[], visibility),
    );
  }

  #statement<T>({ name }: Projection, execute: () => Promise<T>): Promise<T> {
    return this.#statements.run(async () => {
      this.#charge(name);
      return execute();
    });
  }

  /** @param key equal for what one statement reads. */
  async #load<T>(
    key: readonly unknown[],
    value: unknown,
    read: (values: readonly unknown[]) => Promise<T[]>,
  ): Promise<T> {
    const name = JSON.stringify(key);
    let loader = this.#loaders.get(name);
    if (!loader) {
      loader = new DataLoader(read, { maxBatchSize: MAX_LISTS });
      this.#loaders.set(name, loader);
    }
    return (await loader.load(value)) as T;
  }
}
