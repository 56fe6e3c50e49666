import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import type { EngineObserver } from '../../../kernel/observe/occurrences.ts';
import { pause } from '../../../scheduling/sleeper.ts';

/** Rows that one statement looks at. */
const AT_ONCE = 2000;
/** The pause after each such statement, in ms: nobody waits for it. */
const BETWEEN_MS = 20;
/** How often it looks for rows that are too old, in ms. */
const EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface ReadRetentionParts {
  /** As the tables' owner: nobody else may delete what was recorded. */
  readonly db: Database;
  readonly clock: { now(): number };
  readonly observer: EngineObserver;
  /** How long a read stays recorded, in days. */
  readonly keepDays: number;
}

/** Deletes from `es.reads` what is older than it is to be kept: when it starts, and every hour. Several instances may do so. */
export class ReadRetention {
  readonly #parts: ReadRetentionParts;
  readonly #stopping = new AbortController();
  readonly #loop: Promise<void>;

  constructor(parts: ReadRetentionParts) {
    this.#parts = parts;
    this.#loop = this.#run();
  }

  /** Resolves after the statement in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { observer } = this.#parts;
    while (!signal.aborted) {
      try {
        while (!signal.aborted && (await this.#deleteSome())) await pause(BETWEEN_MS, signal);
      } catch (error) {
        observer.tell('faultMet', { error, context: { part: 'audit of reads' } });
      }
      await pause(EVERY_MS, signal, { keepsProcess: false });
    }
  }

  /** @returns true if there may be more. Reads are stored in the order of time, so the oldest have the lowest ids. */
  async #deleteSome(): Promise<boolean> {
    const { db, clock, keepDays } = this.#parts;
    const before = new Date(clock.now() - keepDays * DAY_MS).toISOString();
    const deleted = await db.execute(sql`
      delete from es.reads where at < ${before}::timestamptz and id in (select id from es.reads order by id limit ${AT_ONCE}::int)
      returning 1`);
    return deleted.length === AT_ONCE;
  }
}
