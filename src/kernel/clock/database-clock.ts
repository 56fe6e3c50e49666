import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { every, type Timer } from '../../scheduling/timers.ts';
import { type EngineObserver, unobserved } from '../observe/occurrences.ts';
import type { Clock } from './clock.ts';
import { wallTime } from './wall-clock.ts';

/** One measurement of Postgres' clock. */
interface Sample {
  /** The time of Postgres minus `performance.now()`, in ms. */
  readonly offset: number;
  /** Largest error of the offset, in ms: half of the round trip. */
  readonly error: number;
  /** When it was made, by `performance.now()`. */
  readonly at: number;
}

export interface DatabaseClockOptions {
  /** Queries Postgres' time in ms since 1970, on a connection that no other work can keep busy. */
  readonly ask: () => Promise<number>;
  readonly observer?: EngineObserver;
}

/** Interval of measurements, in ms. */
const MEASURE_EVERY_MS = 10_000;
/** Number of measurements at the start. The fastest counts. */
const FIRST_MEASUREMENTS = 3;
/** Number of latest measurements that are kept. The fastest counts. */
const KEPT = 6;
/** Maximum drift between two monotonic clocks, in ms per ms. */
const DRIFT = 0.0002;
/** Additional tolerance between two measurements, in ms: clocks have steps. */
const STEP_MS = 2;
/** Differences are reported from this one on, in ms, and again at each power of ten. */
const TOLD_FROM_MS = 1000;

/**
 * The clock for deadlines, lags and ages. It is that of Postgres, so that servers whose own clocks differ decide alike.
 * It is measured by the middle of a round trip, as in Cristian's algorithm, and advanced with `performance.now()`
 * between two measurements, so that setting this machine's clock does not move it. Until the first measurement it is
 * this machine's time.
 */
export class DatabaseClock implements Clock {
  readonly #ask: () => Promise<number>;
  readonly #observer: EngineObserver;
  #samples: readonly Sample[] = [];
  #offset = wallTime() - performance.now();
  /** The order of magnitude that was last reported, with the sign of the difference. */
  #told = 0;
  #timer: Timer | undefined;
  #measuring: Promise<void> | undefined;

  constructor({ ask, observer = unobserved }: DatabaseClockOptions) {
    this.#ask = ask;
    this.#observer = observer;
  }

  now(): number {
    return performance.now() + this.#offset;
  }

  at(instant: number): Date {
    return new Date(Math.round(instant + this.#offset));
  }

  /**
   * How far this machine's clock is ahead of Postgres', in ms; negative if it is behind. 0 until the first measurement.
   */
  get skewMs(): number {
    return this.#samples.length === 0 ? 0 : wallTime() - this.now();
  }

  /** Resolves after the first measurements. If Postgres does not answer, they are repeated later. */
  async start(): Promise<void> {
    for (let nth = 0; nth < FIRST_MEASUREMENTS; nth++) await this.measure();
    this.#timer = every(MEASURE_EVERY_MS, () => void this.measure());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Measures once, or joins a running measurement. Never throws. */
  measure(): Promise<void> {
    this.#measuring ??= this.#sample()
      .catch((error) => this.#observer.tell('faultMet', { error, context: { part: 'clock' } }))
      .finally(() => {
        this.#measuring = undefined;
      });
    return this.#measuring;
  }

  async #sample(): Promise<void> {
    const sent = performance.now();
    const time = await this.#ask();
    const received = performance.now();
    this.#take({ offset: time - (sent + received) / 2, error: (received - sent) / 2, at: received });
  }

  #take(sample: Sample): void {
    const before = this.#samples.filter((kept) => agree(kept, sample));
    // The clock was set, or one of the machines slept: earlier measurements are useless.
    const isStep = before.length < this.#samples.length;
    if (isStep) this.#observer.tell('clockStepped', { stepMs: sample.offset - this.#offset });
    this.#samples = isStep ? [sample] : [...before.slice(1 - KEPT), sample];
    const errorOf = ({ error, at }: Sample) => error + (sample.at - at) * DRIFT;
    this.#offset = this.#samples.reduce((best, next) => (errorOf(next) <= errorOf(best) ? next : best)).offset;
    this.#tell();
  }

  #tell(): void {
    const { skewMs } = this;
    const size = magnitudeOf(skewMs);
    const isSmaller = Math.abs(size) < Math.abs(this.#told) && Math.sign(size) * Math.sign(this.#told) >= 0;
    // Avoids repeated reports near the boundary between two orders of magnitude.
    if (size === this.#told || (isSmaller && magnitudeOf(skewMs * 1.25) === this.#told)) return;
    this.#told = size;
    this.#observer.tell('clockSkewed', { skewMs });
  }
}

/** The clock of an engine. */
export type EngineClock = Pick<DatabaseClock, 'now' | 'at' | 'skewMs' | 'start' | 'stop' | 'measure'>;

/** A function that asks a database for its time. */
export function clockOf(db: Database): () => Promise<number> {
  const ask = prepared<{ ms: number }>(db, 'clock', sql`select extract(epoch from es.now())::float8 * 1000 as ms`);
  return async () => {
    const [row] = await ask({});
    if (!row) throw new Error('Postgres does not say what time it is.');
    return row.ms;
  };
}

/** True if two measurements can be of the same clock, without its having been set in between. */
function agree(a: Sample, b: Sample): boolean {
  return Math.abs(a.offset - b.offset) <= a.error + b.error + Math.abs(a.at - b.at) * DRIFT + STEP_MS;
}

/** 0 below a second, 1 below ten, 2 below a hundred and so on; negative for negative differences. */
function magnitudeOf(ms: number): number {
  const size = Math.abs(ms);
  return size < TOLD_FROM_MS ? 0 : Math.sign(ms) * (Math.floor(Math.log10(size / TOLD_FROM_MS)) + 1);
}
