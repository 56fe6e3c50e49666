import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { FencedError } from '../../checkpoints/advance.ts';
import { listed, tablesOf } from './shadow.ts';
import { cancelWorkOn } from './shadow-ddl.ts';
import { ShadowLetters } from './shadow-dead-letters.ts';
import { type FillerParts, ShadowFiller } from './shadow-filler.ts';
import { swapIn } from './swap.ts';

export type RebuildOutcome =
  /** The shadow is the live table now. */
  | 'swapped'
  /** It is another instance's, or was cancelled. */
  | 'lost'
  /** The live table has another shape by now: a shadow has to be made anew. */
  | 'reshaped'
  /** It goes on later, here or elsewhere. */
  | 'stopped';

/** How long the shadow may take to come to where the live table stands while that is not written to, in ms. */
const FILL_TIMEOUT_MS = 1000;
/** Between two looks how far it is, in ms. */
const LOOK_MS = 200;
/** Between two attempts to swap, in ms: from the first to the last. */
const PAUSES_MS = [50, 100, 250, 500, 1000, 2000, 5000];

/** One instance's work on a rebuild: fills the shadow, makes its indexes, swaps it in. It may end after any step. */
export class RebuildRun {
  readonly #parts: FillerParts;
  readonly #filler: ShadowFiller;
  readonly #letters: ShadowLetters;
  readonly #stopping = new AbortController();
  #running: Promise<RebuildOutcome> | undefined;
  #hasIndexes = false;
  #hasEnded = false;

  /** @param parts of a shadow that this instance has leased. */
  constructor(parts: FillerParts) {
    this.#parts = parts;
    this.#filler = new ShadowFiller(parts);
    this.#letters = new ShadowLetters({
      db: parts.aside.projector,
      events: parts.aside.events,
      projection: parts.projection,
    });
  }

  get projection(): string {
    return this.#parts.projection.name;
  }

  wake(): void {
    this.#filler.wake();
  }

  /** Resolves when there is nothing more to do here. */
  run(): Promise<RebuildOutcome> {
    this.#running ??= this.#run().finally(() => {
      this.#hasEnded = true;
      return this.#filler.stop();
    });
    return this.#running;
  }

  /** Ends after the batch under way; a longer step is cut off. */
  async stop(): Promise<void> {
    const { aside, onError } = this.#parts;
    this.#stopping.abort();
    await this.#filler.stop();
    if (this.#hasEnded) return;
    for (const table of tablesOf(this.#filler.shadow)) {
      await cancelWorkOn(aside.owner, table).catch((error) => onError(error, { part: 'rebuild' }));
    }
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<RebuildOutcome> {
    const { signal } = this.#stopping;
    const { head, batchLimit } = this.#parts;
    let attempts = 0;
    let reshaped = false;
    while (!signal.aborted) {
      this.#filler.start();
      if (!this.#filler.isNear) {
        await this.#filler.reached(head.position - batchLimit, LOOK_MS, signal);
        if (!this.#filler.isRunning) return signal.aborted ? 'stopped' : 'lost';
        continue;
      }
      if (!this.#hasIndexes) {
        if (!(await this.#addIndexes())) return signal.aborted ? 'stopped' : 'lost';
        continue;
      }
      // Whoever writes to the live table has to wait during a swap: not for a shadow that stands still.
      if (!(await this.#filler.reached(head.position, LOOK_MS, signal))) {
        if (!this.#filler.isRunning) return signal.aborted ? 'stopped' : 'lost';
        continue;
      }
      // Most of it before anybody waits; what it changes somebody has to take up anew.
      await this.#filler.stop();
      if (await this.#letters.settle()) return 'lost';
      this.#filler.start();
      const outcome = await this.#swap();
      if (outcome.kind === 'done') return 'swapped';
      if (outcome.kind === 'lost') return 'lost';
      if (outcome.kind === 'reshaped') {
        // An index may have been added to the live table.
        if (reshaped) return 'reshaped';
        reshaped = true;
        this.#hasIndexes = false;
      }
      await this.#fail(outcome.kind === 'refused' ? outcome.why : null);
      const pause = outcome.kind === 'refused' ? PAUSES_MS.at(-1) : PAUSES_MS[attempts++];
      this.#filler.start();
      await delay(pause ?? PAUSES_MS.at(-1), undefined, { signal }).catch(() => undefined);
    }
    return 'stopped';
  }

  /** The tables have been written to many times over; they are tidied up before they are indexed, and read from. */
  async #addIndexes(): Promise<boolean> {
    const tables = listed(tablesOf(this.#filler.shadow));
    const { owner } = this.#parts.aside;
    try {
      await owner.execute(sql`vacuum ${tables}`);
      await this.#filler.table.addIndexes();
      await owner.execute(sql`analyze ${tables}`);
      this.#hasIndexes = true;
      return true;
    } catch (error) {
      if (this.#stopping.signal.aborted || error instanceof FencedError) return false;
      throw error;
    }
  }

  #swap() {
    const { projection, owner, row, aside } = this.#parts;
    const fillTo = async (position: number) => {
      const filled = await this.#filler.reached(position, FILL_TIMEOUT_MS, this.#stopping.signal);
      await this.#filler.stop();
      // Nobody retries or discards anything in the live read model now.
      if (filled) await this.#letters.settle();
      return filled;
    };
    return swapIn(aside.owner, { projection, owner, generation: row.generation, fillTo });
  }

  /** What keeps the swap from being done is said where its owner is. */
  async #fail(why: string | null): Promise<void> {
    const { aside, onError, projection } = this.#parts;
    const { name } = this.#filler.shadow;
    const changed = await aside.projector.execute(
      sql`update read.checkpoints set failure = ${why} where projection = ${name} and failure is distinct from ${why} returning 1`,
    );
    if (changed.length > 0 && why !== null) onError(new Error(why), { part: 'rebuild', projection: projection.name });
  }
}
