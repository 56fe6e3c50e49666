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
        await this.#deleteOld(signal);
      } catch (error) {
        observer.tell('faultMet', { error, context: { part: 'audit of reads' } });
      }
      await pause(EVERY_MS, signal, { keepsProcess: false });
    }
  }

  /**
   * Reads are stored in the order of time, except those of a time when a clock was wrong: those stay until they are old, and hold back
   * no others. Each statement looks only behind the one before, because what is deleted still has to be read over until a vacuum.
   */
  async #deleteOld(signal: AbortSignal): Promise<void> {
    const { db, clock, keepDays } = this.#parts;
    const before = new Date(clock.now() - keepDays * DAY_MS).toISOString();
    const [newest] = await db.execute<{ id: string | null }>(
      sql`select max(id)::text as id from es.reads where at < ${before}::timestamptz`,
    );
    const last = newest?.id ?? null;
    for (let after: string | null = '0'; after !== null && last !== null && !signal.aborted; ) {
      const [page]: { last: string | null }[] = await db.execute<{ last: string | null }>(sql`
        with page as (
          select id, at from es.reads where id > ${after}::bigint and id <= ${last}::bigint order by id limit ${AT_ONCE}::int
        ), gone as (
          delete from es.reads r using page p where r.id = p.id and p.at < ${before}::timestamptz
        )
        select max(id)::text as last from page`);
      after = page?.last ?? null;
      await pause(BETWEEN_MS, signal);
    }
  }
}
