import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import type { EventMetadata } from '../define/event.ts';
import type { Process } from '../define/process.ts';
import { deadlines } from '../define/process-deadlines.ts';
import type { Hub } from '../notify/hub.ts';

/** A deadline whose time has come, as far as the read model knows. */
export interface Due {
  /** The process's id. */
  readonly id: string;
  readonly name: string;
  readonly at: Date;
  /** Metadata of the event that began the process: its initiator and correlation id are those of the deadline. */
  readonly begun: EventMetadata;
}

interface DueRow {
  id: string;
  name: string;
  at_ms: number;
  begun: EventMetadata;
}

/** Read at one time. */
const LIMIT = 200;
/** However far the next deadline is, the clock looks again after this time, in ms. */
const LOOK_MS = 1000;

/** Watches the clock for processes. */
export class DueDeadlines {
  readonly #hub: Hub;
  readonly #next: ReturnType<typeof prepared<DueRow>>;
  readonly #onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;

  constructor(db: Database, hub: Hub, onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void) {
    this.#hub = hub;
    this.#onError = onError;
    this.#next = prepared(
      db,
      'deadlines_next',
      sql`select d.id, d.name, (extract(epoch from d.at)::float8 * 1000) as at_ms, e.metadata as begun
          from read.deadlines d
          join es.events e on e.stream_type = d.process and e.stream_id = d.id and e.version = 1
          where d.process = ${sql.placeholder('process')} order by d.at limit ${sql.placeholder('limit')}`,
    );
  }

  /** Tells of each of a process's deadlines when its time has come, until it is stopped. May tell of one more than once. */
  async run(process: Process, onDue: (due: Due) => Promise<unknown>, stopping: AbortSignal): Promise<void> {
    let wake = () => {};
    const unlisten = this.#hub.follow(deadlines.name, () => wake());
    stopping.addEventListener('abort', () => wake(), { once: true });
    while (!stopping.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const waitMs = await this.#tellDue(process, onDue);
      const timer = setTimeout(() => wake(), waitMs);
      if (!stopping.aborted) await woken;
      clearTimeout(timer);
    }
    unlisten();
  }

  /** @returns when to look again, in ms. */
  async #tellDue({ name: process }: Process, onDue: (due: Due) => Promise<unknown>): Promise<number> {
    try {
      const rows = await this.#next({ process, limit: LIMIT });
      const next = rows.map(({ at_ms, ...due }) => ({ ...due, at: new Date(Math.round(at_ms)) }));
      const now = Date.now();
      const due = next.filter(({ at }) => at.getTime() <= now);
      await Promise.all(due.map(onDue));
      if (due.length === LIMIT) return 0;
      const [following] = next.slice(due.length);
      return following ? Math.min(LOOK_MS, Math.max(1, following.at.getTime() - Date.now())) : LOOK_MS;
    } catch (error) {
      this.#onError(error, { part: 'deadlines', process });
      return LOOK_MS;
    }
  }
}
