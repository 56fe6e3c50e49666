import { PAGE_BYTES } from '../../bytes.ts';
import type { Key, Projection } from '../../define/read-model/projection.ts';
import { type BatchPlan, foldSteps } from './fold-batch.ts';
import type { WindowMemory } from './window-memory.ts';
import { type RowWithMeta, WorkingRows, type Writes } from './working-rows.ts';
import { partsOf } from './write-parts.ts';

/** How long rows are folded at least before they are written for their age, in ms, and at most. */
const MIN_MS = 5000;
const MAX_MS = 60_000;
/** They are folded for this many times as long as it takes to write them. Otherwise a slow replay would do little else than writing. */
const TIMES_WRITING = 10;
/** How long it takes to write a row until that was measured, in ms. */
const ROW_MS = 0.02;
/** Maximum number of rows that are written at a time while commands arrive, because others wait for their turn meanwhile. */
const MAX_BUSY_ROWS = 4000;

/**
 * The rows of a replay, in memory. Many batches are folded one after the other before the rows are written, so that a row that
 * changes with each batch is read once and written once, however often it changes. It is valid under the same conditions as
 * `RecentRows`: no one else writes the table.
 */
export class FoldWindow {
  readonly #projection: Projection;
  readonly #memory: WindowMemory;
  #rows: WorkingRows;
  /** True if rows that are not here do not exist: the table was empty, and all rows since then are here. */
  #isWhole: boolean;
  /** Approximate memory of its rows. */
  #bytes = 0;
  /** When its first batch was folded that is not written yet; undefined if all are written. */
  #since: number | undefined;
  #rowMs = ROW_MS;
  #writing = { began: 0, rows: 0, givesWay: false };
  readonly #onRoom: () => void;

  /**
   * @param memory limits its rows, together with other windows. Call {@link drop} when it is not used any more.
   * @param isTableEmpty true if the table has no rows.
   * @param onRoom called when {@link hasRoom} may have become true again.
   */
  constructor(projection: Projection, memory: WindowMemory, isTableEmpty: boolean, onRoom = () => {}) {
    this.#projection = projection;
    this.#memory = memory;
    this.#onRoom = onRoom;
    this.#rows = this.#noRows();
    this.#isWhole = isTableEmpty;
  }

  /** True if all rows of the table are here: nothing has to be read. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** False while it gives way to other windows: no batch should be folded. */
  get hasRoom(): boolean {
    return this.#memory.hasRoom(this, this.#onRoom);
  }

  /** True if it has folded batches that are not written. */
  get isOpen(): boolean {
    return this.#since !== undefined;
  }

  /**
   * True if its rows should be written now, for their size or their age.
   * @param isBusy true if others wait for what it takes to write them. Then few are written at a time.
   */
  isDue(isBusy: boolean): boolean {
    if (this.#since === undefined) return false;
    return this.#memory.isExceededBy(this) || this.#isOld(this.#since) || (isBusy && this.#isMuchToWrite);
  }

  #isOld(since: number): boolean {
    const worth = TIMES_WRITING * this.#rowMs * this.#rows.unwritten;
    return performance.now() - since >= Math.min(MAX_MS, Math.max(MIN_MS, worth));
  }

  get #isMuchToWrite(): boolean {
    const { unwritten, size } = this.#rows;
    return unwritten >= MAX_BUSY_ROWS || (unwritten / Math.max(1, size)) * this.#bytes >= PAGE_BYTES;
  }

  /** Identifies the rows that are in memory: another object after they were dropped. */
  get lifetime(): object {
    return this.#rows;
  }

  /** Gives its memory back. */
  drop(): void {
    this.#memory.leave(this);
  }

  /** The keys whose rows have to be read before a batch can be folded. */
  missing(keys: ReadonlyMap<string, Key>): Map<string, Key> {
    const missing = new Map<string, Key>();
    if (this.#isWhole) return missing;
    for (const [text, key] of keys) if (!this.#rows.has(text)) missing.set(text, key);
    return missing;
  }

  /**
   * Folds a batch.
   * @param present the rows that were missing, as far as they exist.
   * @throws {FoldError} if a change throws. The window is of no use after that.
   */
  fold(plan: BatchPlan, present: readonly RowWithMeta[]): void {
    this.#since ??= performance.now();
    this.#rows.add(present);
    foldSteps(this.#projection, plan, this.#rows);
    this.#measure();
  }

  /**
   * What its batches have changed, in parts that each fit into one statement. Each part is made when it is asked for. If one cannot be
   * written, the window is of no use after that.
   */
  parts(): Iterable<Writes> {
    const givesWay = this.#memory.isExceededBy(this);
    if (givesWay) this.#memory.beginToGiveWay(this);
    this.#writing = { began: performance.now(), rows: this.#rows.unwritten, givesWay };
    return partsOf(this.#rows.takeChanges(), this.#rows.takeFormer());
  }

  /** Its changes have been written. It keeps the rows for the next batches, unless it has to give way. */
  written(): void {
    const { began, rows, givesWay } = this.#writing;
    if (rows > 0) this.#rowMs = (performance.now() - began) / rows;
    this.#since = undefined;
    this.#measure();
    if (!givesWay) return;
    this.#memory.giveWay(this, this.#onRoom);
    this.#rows = this.#noRows();
    this.#isWhole = false;
    this.#bytes = 0;
  }

  #measure(): void {
    this.#bytes = this.#rows.measure();
    this.#memory.use(this, this.#bytes);
  }

  #noRows(): WorkingRows {
    return new WorkingRows(this.#projection, [], false);
  }
}
