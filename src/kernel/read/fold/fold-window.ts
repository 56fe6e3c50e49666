import { approximateBytes } from '../../bytes.ts';
import type { Key, Projection } from '../../define/read-model/projection.ts';
import { type BatchPlan, foldSteps } from './fold-batch.ts';
import type { WindowMemory } from './window-memory.ts';
import { type RowWithMeta, WorkingRows, type Writes } from './working-rows.ts';

/**
 * Memory of a row besides what `approximateBytes` says of its values, in bytes. That counts two bytes for each character, of which
 * most take one, so this is less than what the row's state and its place in a map take.
 */
const ROW_BYTES = 64;
/** How long rows are folded before they are written, in ms. */
const MAX_MS = 5000;
/** Number of a batch's rows that are measured. */
const MEASURED = 32;

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
  /** Average memory of a row. */
  #rowBytes = ROW_BYTES;
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

  /** True if its rows should be written now, for their size or their age. */
  get isDue(): boolean {
    return this.#isLarge || (this.#since !== undefined && performance.now() - this.#since >= MAX_MS);
  }

  get #isLarge(): boolean {
    return this.#rowBytes * (this.#rows.size + this.#rows.formerVersions) >= this.#memory.share;
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
    this.#measure(plan);
  }

  /** What its batches have changed. */
  writes(): Writes {
    return this.#rows.writes();
  }

  /** Its changes have been written. It keeps the rows for the next batches if they are not too large. */
  written(): void {
    if (this.#isLarge) {
      this.#rows = new WorkingRows(this.#projection, []);
      this.#isWhole = false;
    } else this.#rows.written();
    this.#since = undefined;
  }

  /** Measures some of the rows that a batch has changed. */
  #measure({ steps }: BatchPlan): void {
    const stride = Math.max(1, Math.floor(steps.length / MEASURED));
    let bytes = 0;
    let measured = 0;
    for (let nth = 0; nth < steps.length; nth += stride) {
      const change = steps[nth]?.change;
      if (!change || change.kind === 'updateWhere') continue;
      bytes += approximateBytes(this.#rows.of(change.key).row);
      measured++;
    }
    // A batch with larger rows counts for all: rather too much than too little.
    if (measured > 0) this.#rowBytes = Math.max(this.#rowBytes, ROW_BYTES + bytes / measured);
  }
}
