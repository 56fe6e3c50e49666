import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import type { LogHead } from '../log/log-head.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import type { Obstacles } from '../obstacles.ts';
import type { DatabaseClock } from './database-clock.ts';

export interface ClockCheckParts {
  /** A connection that no other work can keep busy, with a role that may read `es.store`. */
  readonly db: Database;
  readonly clock: Pick<DatabaseClock, 'now' | 'skewMs'>;
  readonly head: LogHead;
  readonly obstacles: Pick<Obstacles, 'set'>;
  /**
   * Maximum difference between the clocks, and maximum distance of the log's last event in the future, in ms; 0 for
   * any.
   */
  readonly limitMs: number;
  readonly observer: EngineObserver;
}

/** Minimum time between two queries if an operator has accepted a log that is ahead, in ms. */
const LOOKUP_EVERY_MS = 1000;

/**
 * Reports why no event could be recorded with the right time. `es.recording_time` refuses each append for the same
 * reasons; this reports them even while nothing is appended.
 */
export class ClockCheck {
  readonly #parts: ClockCheckParts;
  /** An operator has accepted events in the future up to this position; undefined before the first answer. */
  #accepted: number | undefined;
  #lookedUpAt = Number.NEGATIVE_INFINITY;

  constructor(parts: ClockCheckParts) {
    this.#parts = parts;
  }

  /** Costs nothing while there is no problem. Never throws. */
  check(): void {
    const { clock, obstacles, limitMs, head } = this.#parts;
    if (limitMs === 0) return;
    const { skewMs } = clock;
    const isOff = Math.abs(skewMs) > limitMs;
    obstacles.set('clock', isOff ? clocksDiffer(skewMs, limitMs) : undefined);
    const aheadMs = (head.recordedAt?.getTime() ?? 0) - clock.now();
    const isAhead = aheadMs > limitMs && head.position > (this.#accepted ?? 0);
    if (isAhead) void this.#lookUpAccepted();
    // Reported only once it is known that no operator has accepted it.
    if (!isAhead || this.#accepted !== undefined) {
      obstacles.set('recorded time', isAhead ? isInFuture(head.position, aheadMs) : undefined);
    }
  }

  async #lookUpAccepted(): Promise<void> {
    const { db, observer } = this.#parts;
    if (performance.now() - this.#lookedUpAt < LOOKUP_EVERY_MS) return;
    this.#lookedUpAt = performance.now();
    try {
      const [row] = await db.execute<{ position: number }>(sql`
        select greatest(accepted_position, (select max(up_to) from es.acceptances)) as position from es.store`);
      this.#accepted = row?.position ?? 0;
    } catch (error) {
      observer.tell('faultMet', { error, context: { part: 'clock' } });
    }
  }
}

function clocksDiffer(skewMs: number, limitMs: number): string {
  const how = skewMs > 0 ? 'ahead of' : 'behind';
  return (
    `This server's clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${how} Postgres', more than ${limitMs / 1000} s (CLOCK_SKEW_LIMIT_MS). ` +
    'It is not known which one is right: set both by one time server.'
  );
}

function isInFuture(position: number, aheadMs: number): string {
  return (
    `Event ${position} is recorded ${Math.round(aheadMs / 1000)} s in the future: Postgres' clock was ahead when it was appended, or is behind now. ` +
    'If the clock is right now, run the command clock accept; later events are recorded at the right time then.'
  );
}
