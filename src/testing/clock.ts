import type postgres from 'postgres';
import type { EngineClock } from '../kernel/clock/database-clock.ts';

/** A time span; its parts are added up. */
export interface Duration {
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
  readonly ms?: number;
}

/**
 * The clock of a test application: that of Postgres until it is set, and stopped from then on. Events are recorded at its
 * time, and deadlines of processes follow it. Leases, timeouts and the expiry of access tokens follow the real time.
 */
export interface TestClock {
  now(): Date;
  /**
   * Waits until everything that happened before has been handled, stops the clock at this instant, and waits until
   * everything that is due then has been done. An ISO text needs a time zone.
   * @throws {RangeError} if it is no instant, or before the present time of the clock.
   */
  set(instant: Date | string): Promise<void>;
  /** The same, with a time from the present time of the clock on. */
  advance(by: Duration): Promise<void>;
}

const MS = { days: 86_400_000, hours: 3_600_000, minutes: 60_000, seconds: 1000, ms: 1 } as const;

/** @throws {RangeError} if it is no instant. */
export function instantOf(instant: Date | string): Date {
  const at = new Date(instant);
  if (typeof instant === 'string' && !/(Z|[+-]\d\d:?\d\d)$/i.test(instant)) {
    throw new RangeError(`${JSON.stringify(instant)} has no time zone; write it like 2026-03-02T10:00:00Z.`);
  }
  if (Number.isNaN(at.getTime())) {
    throw new RangeError(`${JSON.stringify(instant)} is no instant; write it like 2026-03-02T10:00:00Z.`);
  }
  return at;
}

export function msOf(duration: Duration): number {
  return Object.entries(duration).reduce((sum, [unit, count]) => sum + MS[unit as keyof Duration] * count, 0);
}

/** Makes a time the time of a database: `es.now()`, which everything that decides by a clock asks. */
export async function stopDatabaseClock(sql: postgres.Sql, at: Date): Promise<void> {
  await sql.unsafe(`create or replace function es.now() returns timestamptz language sql volatile as $$
    select timestamptz '${at.toISOString()}' $$`);
}

/** The clock that an engine under test uses: a given one until it is stopped. */
export class StoppableClock implements EngineClock {
  readonly #running: EngineClock;
  #at: number | undefined;

  constructor(running: EngineClock, at: Date | undefined) {
    this.#running = running;
    this.#at = at?.getTime();
  }

  stopAt(at: Date): void {
    this.#running.stop();
    this.#at = at.getTime();
  }

  now(): number {
    return this.#at ?? this.#running.now();
  }

  at(instant: number): Date {
    return this.#at === undefined ? this.#running.at(instant) : new Date(this.#at);
  }

  get skewMs(): number {
    return this.#at === undefined ? this.#running.skewMs : 0;
  }

  /** Does not measure a stopped clock: each measurement would find that it was set back. */
  async start(): Promise<void> {
    if (this.#at === undefined) await this.#running.start();
  }

  stop(): void {
    this.#running.stop();
  }

  async measure(): Promise<void> {
    if (this.#at === undefined) await this.#running.measure();
  }
}
