import { PAGE_BYTES } from '../../bytes.ts';
import type { Key, Projection } from '../../define/read-model/projection.ts';
import { type BatchPlan, foldSteps } from './fold-batch.ts';
import type { WindowMemory } from './window-memory.ts';
import { type RowWithMeta, WorkingRows, type Writes } from './working-rows.ts';
import { partsOf } from './write-parts.ts';

/** How long rows are folded before they are written, in ms. */
const MAX_MS = 5000;
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

  /**
   * @param memory limits its rows, together with other windows. Call {@link drop} when it is not used any more.
   * @param isTableEmpty true if the table has no rows.
   */
  constructor(projection: Projection, memory: WindowMemory, isTableEmpty: boolean) {
    this.#projection = projection;
    this.#memory = memory;
    memory.join(this);
    this.#rows = new WorkingRows(projection, []);
    this.#isWhole = isTableEmpty;
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
    const age = performance.now() - this.#since;
    return this.#bytes >= this.#memory.share || age >= MAX_MS || (isBusy && this.#isMuchToWrite);
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
    this.#bytes = this.#rows.measure();
  }

  /**
   * What its batches have changed, in parts that each fit into one statement. Each part is made when it is asked for. If one cannot be
   * written, the window is of no use after that.
   */
  parts(): Iterable<Writes> {
    return partsOf(this.#rows.takeChanges(), this.#rows.takeFormer());
  }

  /** Its changes have been written. It keeps the rows for the next batches if they leave room for as many others. */
  written(): void {
    this.#bytes = this.#rows.measure();
    if (this.#bytes >= this.#memory.share / 2) {
      this.#rows = new WorkingRows(this.#projection, []);
      this.#isWhole = false;
      this.#bytes = 0;
    }
    this.#since = undefined;
  }
}
