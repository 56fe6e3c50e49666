import { sql } from 'drizzle-orm';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { FencedError } from '../../checkpoints/advance.ts';
import { listed, tablesOf } from '../tables/tables.ts';
import { cancelWorkOn } from './shadow-ddl.ts';
import { ShadowDeadLetters } from './shadow-dead-letters.ts';
import { type FillerParts, ShadowFiller } from './shadow-filler.ts';
import { type BeforeServed, swapIn } from './swap.ts';

export type RebuildOutcome =
  /** The shadow is the live table now. */
  | 'swapped'
  /** Another instance owns it, or it was cancelled. */
  | 'lost'
  /** The live table has another shape now: the shadow has to be created again. */
  | 'reshaped'
  /** It continues later, here or on another instance. */
  | 'stopped';

/**
 * - `filling`: events are read until the shadow is near the end of the log.
 * - `indexing`: the tables are vacuumed and get their indexes.
 * - `settling`: the last events are read, and operators' decisions about dead letters in the meantime are repeated
 *   here.
 * - `swapping`: the shadow replaces the live table.
 */
type RebuildPhase = 'filling' | 'indexing' | 'settling' | 'swapping';

const PHASES: ReadonlySet<string> = new Set<RebuildPhase>(['filling', 'indexing', 'settling', 'swapping']);

/** How long the shadow may take to reach the live table's position while that table is locked for writers, in ms. */
const FILL_TIMEOUT_MS = 1000;
/** Time between two checks of the progress, in ms. */
const POLL_MS = 200;
/**
 * Each attempt to swap blocks the writers of the live table for a moment, so further attempts become rare. One that was
 * refused succeeds only once an operator has acted, so it is repeated after the longest pause.
 */
const SWAP_AGAIN: Backoff = { firstMs: 50, maxMs: 5000 };

export interface RebuildJobParts extends FillerParts {
  readonly beforeServed: BeforeServed;
}

/**
 * One instance's work on a rebuild, phase by phase. It may end after any step, and continue from there later or on
 * another instance.
 */
export class RebuildJob {
  readonly #parts: RebuildJobParts;
  readonly #filler: ShadowFiller;
  readonly #deadLetters: ShadowDeadLetters;
  readonly #stopping = new AbortController();
  /** The work of each phase. Each returns the next phase, or how the job ends. */
  readonly #phases: Readonly<Record<RebuildPhase, () => Promise<RebuildPhase | RebuildOutcome>>> = {
    filling: () => this.#fill(),
    indexing: () => this.#index(),
    settling: () => this.#settle(),
    swapping: () => this.#swap(),
  };
  #running: Promise<RebuildOutcome> | undefined;
  #hasIndexes = false;
  #wasReshaped = false;
  #attempts = 0;
  #hasEnded = false;

  /** @param parts the parts of a shadow whose lease this instance has. */
  constructor(parts: RebuildJobParts) {
    this.#parts = parts;
    this.#filler = new ShadowFiller(parts);
    const { projector: db, events, keys } = parts.pools;
    this.#deadLetters = new ShadowDeadLetters({ db, events, keys, shadow: this.#filler.shadow });
  }

  wake(): void {
    this.#filler.wake();
  }

  /** Resolves when this instance has nothing more to do. */
  run(): Promise<RebuildOutcome> {
    this.#running ??= this.#run().finally(() => {
      this.#hasEnded = true;
      return this.#filler.stop();
    });
    return this.#running;
  }

  /** Ends after the batch in progress. A longer step is cancelled. */
  async stop(): Promise<void> {
    const { pools, observer } = this.#parts;
    this.#stopping.abort();
    await this.#filler.stop();
    if (this.#hasEnded) return;
    for (const [, table] of this.#filler.shadow.tables) {
      await cancelWorkOn(pools.owner, table).catch((error) =>
        observer.tell('faultMet', { error, context: { part: 'rebuild' } }),
      );
    }
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<RebuildOutcome> {
    const { signal } = this.#stopping;
    let phase: RebuildPhase = 'filling';
    while (!signal.aborted) {
      this.#filler.start();
      const next: RebuildPhase | RebuildOutcome = await this.#phases[phase]();
      if (isPhase(next)) phase = next;
      else return next === 'lost' && signal.aborted ? 'stopped' : next;
    }
    return 'stopped';
  }

  async #fill(): Promise<RebuildPhase | 'lost'> {
    const { head, batchLimit } = this.#parts;
    if (this.#filler.isNear) return this.#hasIndexes ? 'settling' : 'indexing';
    await this.#filler.reached(head.position - batchLimit, POLL_MS, this.#stopping.signal);
    return this.#filler.isRunning ? 'filling' : 'lost';
  }

  /**
   * The tables have been overwritten many times. They are vacuumed before they are indexed, and before they are read.
   */
  async #index(): Promise<RebuildPhase | 'lost'> {
    const { shadow, table } = this.#filler;
    const tables = listed(tablesOf(shadow.projection));
    const { owner } = this.#parts.pools;
    try {
      await owner.execute(sql`vacuum ${tables}`);
      await table.addIndexes();
      await owner.execute(sql`analyze ${tables}`);
      this.#hasIndexes = true;
      return 'filling';
    } catch (error) {
      if (this.#stopping.signal.aborted || error instanceof FencedError) return 'lost';
      throw error;
    }
  }

  async #settle(): Promise<RebuildPhase | 'lost'> {
    // During a swap, the live table is locked for writers. A shadow that does not progress must not cause that.
    if (!(await this.#filler.reached(this.#parts.head.position, POLL_MS, this.#stopping.signal))) {
      return this.#filler.isRunning ? 'filling' : 'lost';
    }
    // Most of this is done before any writer has to wait. If it changes the shadow, its filler must start again.
    await this.#filler.stop();
    return (await this.#deadLetters.settle()) ? 'lost' : 'swapping';
  }

  async #swap(): Promise<RebuildPhase | RebuildOutcome> {
    const { owner, checkpoint, pools, beforeServed } = this.#parts;
    const { signal } = this.#stopping;
    const fillTo = async (position: number) => {
      const filled = await this.#filler.reached(position, FILL_TIMEOUT_MS, signal);
      await this.#filler.stop();
      // From here on, nothing can be retried or discarded in the live read model.
      if (filled) await this.#deadLetters.settle();
      return filled;
    };
    const { shadow } = this.#filler;
    const outcome = await swapIn(pools.owner, {
      shadow,
      owner,
      generation: checkpoint.generation,
      fillTo,
      beforeServed,
    });
    if (outcome.kind === 'done') return 'swapped';
    if (outcome.kind === 'lost') return 'lost';
    if (outcome.kind === 'reshaped') {
      // An index may have been added to the live table. It is created here too, once.
      if (this.#wasReshaped) return 'reshaped';
      this.#wasReshaped = true;
      this.#hasIndexes = false;
    }
    await this.#setFailure(outcome.kind === 'refused' ? outcome.why : null);
    this.#filler.start();
    await pause(outcome.kind === 'refused' ? SWAP_AGAIN.maxMs : backoffMs(++this.#attempts, SWAP_AGAIN), signal);
    return 'filling';
  }

  /** Stores why the swap is not possible, so that operators see it. */
  async #setFailure(why: string | null): Promise<void> {
    const { pools, observer, projection } = this.#parts;
    const { key } = this.#filler.shadow.checkpoint;
    const changed = await pools.projector.execute(
      sql`update read.checkpoints set failure = ${why} where projection = ${key} and failure is distinct from ${why} returning 1`,
    );
    if (changed.length > 0 && why !== null)
      observer.tell('faultMet', { error: new Error(why), context: { part: 'rebuild', projection: projection.name } });
  }
}

function isPhase(next: RebuildPhase | RebuildOutcome): next is RebuildPhase {
  return PHASES.has(next);
}
