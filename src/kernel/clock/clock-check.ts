import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import type { LogHead } from '../log/log-head.ts';
import type { Obstacles } from '../obstacles.ts';
import type { DatabaseClock } from './database-clock.ts';

export interface ClockCheckParts {
  /** Must be allowed to read `es.store`; a connection that nothing else can occupy. */
  readonly db: Database;
  readonly clock: Pick<DatabaseClock, 'now' | 'skewMs'>;
  readonly head: LogHead;
  readonly obstacles: Pick<Obstacles, 'set'>;
  /** Largest difference between the clocks, and of the log to now, in ms; 0 for any. */
  readonly limitMs: number;
  readonly onError: (error: unknown) => void;
}

/** Minimum time between two checks whether an operator has accepted a log that is ahead, in ms. */
const LOOK_MS = 1000;

/**
 * Reports why no event would be recorded at the right time. `es.recording_time` refuses each append for the same
 * reasons; this also reports them while nobody appends.
 */
export class ClockCheck {
  readonly #parts: ClockCheckParts;
  /** Up to this position an operator has accepted events in the future; undefined before the first answer. */
  #accepted: number | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: ClockCheckParts) {
    this.#parts = parts;
  }

  /** Costs nothing while all is well. Never throws. */
  look(): void {
    const { clock, obstacles, limitMs, head } = this.#parts;
    if (limitMs === 0) return;
    const { skewMs } = clock;
    const isOff = Math.abs(skewMs) > limitMs;
    obstacles.set('clock', isOff ? clocksDiffer(skewMs, limitMs) : undefined);
    const aheadMs = (head.recordedAt?.getTime() ?? 0) - clock.now();
    const isAhead = aheadMs > limitMs && head.position > (this.#accepted ?? 0);
    if (isAhead) void this.#lookUpAccepted();
    // Reported only once it is known that nobody has accepted it.
    if (!isAhead || this.#accepted !== undefined) {
      obstacles.set('recorded time', isAhead ? isInFuture(head.position, aheadMs) : undefined);
    }
  }

  async #lookUpAccepted(): Promise<void> {
    const { db, onError } = this.#parts;
    if (performance.now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = performance.now();
    try {
      const [row] = await db.execute<{ position: number }>(sql`select accepted_position as position from es.store`);
      this.#accepted = row?.position ?? 0;
    } catch (error) {
      onError(error);
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
