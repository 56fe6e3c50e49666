import { type SQLWrapper, sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { Sleeper } from '../../scheduling/sleeper.ts';
import { checkpointId } from '../define/checkpoint-id.ts';
import type { EventMetadata } from '../define/event.ts';
import type { Process } from '../define/process-manager/process.ts';
import { deadlines } from '../define/process-manager/process-deadlines.ts';
import type { Hub } from '../notify/hub.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import type { DueDeadline } from './follow/work.ts';

interface DeadlineRow {
  id: string;
  name: string;
  at_ms: number;
  /** Time from now, in ms. */
  in_ms: number;
  begun: EventMetadata;
}

/** Deadlines that one query reads, besides those that are known to be due. */
const PAGE = 200;
/** Maximum number of deadlines that fire at the same time. */
const MOST_IN_PROGRESS = 1000;
/** Maximum number of deadlines that have fired and are still in the read model. While it lags, no more fire. */
const MOST_REMEMBERED = 10_000;
/** Maximum time until the clock is checked again while there are deadlines, in ms: Postgres' clock may be set. */
const CHECK_EVERY_MS = 1000;
/** The same while there are none, in ms. The read model's changes tell of new ones. */
const CHECK_RARELY_MS = 10_000;

/** Selects whether a deadline `d` is parked: it is retried separately, or was discarded. */
const isParked = (consumer: SQLWrapper) => sql`exists (
  select from read.parked_items p
  where p.consumer = ${consumer} and p.line = d.process || ' ' || d.id and p.position = 0
    and p.deadline = d.name and p.due_at = d.at)`;

/** Number of deadlines of a process that are due and have not been handled. */
export async function countOverdue(db: Database, process: string): Promise<number> {
  const consumer = sql`${checkpointId('process', process).key}`;
  const [row] = await db.execute<{ overdue: number }>(sql`select count(*)::int as overdue
    from ${deadlines.table} d where d.process = ${process} and d.at <= es.now() and not ${isParked(consumer)}`);
  return row?.overdue ?? 0;
}

/** Watches Postgres' clock for processes. The same clock timestamps the events. */
export class DueDeadlines {
  readonly #hub: Hub;
  readonly #next: ReturnType<typeof prepared<DeadlineRow>>;
  readonly #begun: ReturnType<typeof prepared<{ begun: EventMetadata }>>;
  readonly #observer: EngineObserver;

  constructor(db: Database, hub: Hub, observer: EngineObserver) {
    this.#hub = hub;
    this.#observer = observer;
    this.#next = prepared(
      db,
      'deadlines_next',
      sql`select d.id, d.name, (extract(epoch from d.at)::float8 * 1000) as at_ms,
                 (extract(epoch from d.at - es.now())::float8 * 1000) as in_ms, e.metadata as begun
          from ${deadlines.table} d
          join es.events e on e.stream_type = d.process and e.stream_id = d.id and e.version = 1
          where d.process = ${sql.placeholder('process')} and not ${isParked(sql`${sql.placeholder('consumer')}`)}
          order by d.at limit ${sql.placeholder('limit')}`,
    );
    this.#begun = prepared(
      db,
      'deadlines_begun',
      sql`select metadata as begun from es.events
          where stream_type = ${sql.placeholder('process')} and stream_id = ${sql.placeholder('id')} and version = 1`,
    );
  }

  /**
   * Fires each of a process's deadlines when it is due, until it is stopped. It may fire one more than once. Deadlines
   * are independent: a failing one blocks no other.
   *
   * @param tell resolves when the deadline has been handled or parked.
   */
  async run(process: Process, tell: (deadline: DueDeadline) => Promise<void>, stopping: AbortSignal): Promise<void> {
    const sleeper = new Sleeper(stopping);
    const wake = () => sleeper.wake();
    const watch = new DeadlineWatch(wake);
    const unlisten = this.#hub.follow(deadlines.name, wake);
    while (!stopping.aborted) await sleeper.sleep(await this.#tellDue(process, watch, tell));
    unlisten();
  }

  /** Finds a deadline of a process that has begun. */
  async find(process: Process, id: string, name: string, at: Date): Promise<DueDeadline | undefined> {
    const [row] = await this.#begun({ process: process.name, id });
    return row && { id, name, at, begun: row.begun };
  }

  /** @returns when to check again, in ms. */
  async #tellDue(
    { name: process }: Process,
    watch: DeadlineWatch,
    tell: (deadline: DueDeadline) => Promise<void>,
  ): Promise<number> {
    try {
      const limit = PAGE + watch.size;
      const rows = await this.#next({ process, consumer: checkpointId('process', process).key, limit });
      const due = rows.filter(({ in_ms }) => in_ms <= 0);
      watch.forget(new Set(due.map(nameOf)));
      const news = due.filter((row) => !watch.has(nameOf(row))).slice(0, watch.room);
      for (const row of news) {
        const { id, name, at_ms, begun } = row;
        watch.tell(nameOf(row), tell({ id, name, at: new Date(Math.round(at_ms)), begun }));
      }
      // The page was full and had a new deadline, so there may be more.
      if (due.length === limit && news.length > 0) return 0;
      const following = rows.find(({ in_ms }) => in_ms > 0);
      if (rows.length === 0) return CHECK_RARELY_MS;
      return following ? Math.min(CHECK_EVERY_MS, Math.max(1, following.in_ms)) : CHECK_EVERY_MS;
    } catch (error) {
      this.#observer.tell('faultMet', { error, context: { part: 'deadlines', process } });
      return CHECK_EVERY_MS;
    }
  }
}

/** Deadlines that are firing, or have fired and are still in the read model. */
class DeadlineWatch {
  readonly #inProgress = new Set<string>();
  readonly #told = new Set<string>();
  readonly #onRoom: () => void;

  /** @param onRoom called when deadlines may fire again, after a time in which none could. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  get size(): number {
    return this.#inProgress.size + this.#told.size;
  }

  /** How many more may fire now. */
  get room(): number {
    return Math.max(0, Math.min(MOST_IN_PROGRESS - this.#inProgress.size, MOST_REMEMBERED - this.size));
  }

  has(name: string): boolean {
    return this.#inProgress.has(name) || this.#told.has(name);
  }

  tell(name: string, telling: Promise<void>): void {
    this.#inProgress.add(name);
    void telling.then(() => {
      const wasFull = this.room === 0;
      this.#inProgress.delete(name);
      this.#told.add(name);
      if (wasFull) this.#onRoom();
    });
  }

  /** A fired deadline is remembered only until the read model has it too. */
  forget(due: ReadonlySet<string>): void {
    for (const name of this.#told) if (!due.has(name)) this.#told.delete(name);
  }
}

function nameOf({ id, name, at_ms }: DeadlineRow): string {
  return `${id} ${at_ms} ${name}`;
}
