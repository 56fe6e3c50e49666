import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { pause } from '../../scheduling/sleeper.ts';
import type { EngineObserver } from '../observe/occurrences.ts';

/** Events that one statement chains: it takes about 20 ms. */
const AT_ONCE = 2000;
/** The pause after each, in ms. So it takes less than half of one processor. */
const PAUSE_MS = 20;
/** The pause after a failure, or while another instance is at it, in ms. */
const LATER_MS = 10_000;

export interface FormerEventsParts {
  /** Connections of the projector's role. */
  readonly db: Database;
  readonly observer: EngineObserver;
}

/** Chains the events of a log that is older than the chain, beside everything else. See `es.chain_former`. */
export class FormerEvents {
  readonly #parts: FormerEventsParts;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: FormerEventsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Resolves after the step in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const left = await this.#step();
      if (left === 0) return;
      await pause(left === undefined ? LATER_MS : PAUSE_MS, signal);
    }
  }

  /** @returns how many events are left; undefined if another instance chains them, or it failed. */
  async #step(): Promise<number | undefined> {
    const { db, observer } = this.#parts;
    try {
      const [row] = await db.execute<{ left: number | null }>(sql`select es.chain_former(${AT_ONCE}::int) as left`);
      return row?.left ?? undefined;
    } catch (error) {
      observer.tell('faultMet', { error, context: { part: 'audit' } });
      return undefined;
    }
  }
}
