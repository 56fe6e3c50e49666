import type { Database } from '../database/client.ts';
import { later, type Timer } from '../scheduling/timers.ts';
import type { ClockCheck } from './clock/clock-check.ts';
import type { EngineClock } from './clock/database-clock.ts';
import type { AppendQueue } from './log/append/append-queue.ts';
import type { EngineObserver } from './observe/occurrences.ts';
import type { Stall } from './observe/stall.ts';
import { type MonitoredWork, StallWatch } from './observe/stall-watch.ts';
import type { ProcessManager } from './process/manager.ts';
import type { Projector } from './read/run/projector.ts';
import { LagReport } from './read/status/lag-report.ts';
import type { Admission } from './write/admission/admission.ts';

export interface EngineWatchParts {
  /** A connection that no other work can keep busy. */
  readonly db: Database;
  /** See `StallWatchOptions`. */
  readonly hidesBlockers: boolean;
  readonly clock: EngineClock;
  readonly clockCheck: Pick<ClockCheck, 'check'>;
  readonly projector: Projector;
  readonly queue: AppendQueue;
  readonly processes: Pick<ProcessManager, 'stalls'>;
  readonly admission: Admission;
  readonly observer: EngineObserver;
}

/** Interval of the checks while there is something to do, in ms. */
const INTERVAL_MS = 250;
/** The same while there is nothing: new events end it. */
const QUIET_INTERVAL_MS = 1000;

/** Checks at intervals how far the projections lag and if anything stands still. One timer for each engine. */
export class EngineWatch {
  readonly #parts: EngineWatchParts;
  readonly #stalls: StallWatch;
  readonly #lag: LagReport;
  #running: readonly string[] = [];
  #timer: Timer | undefined;
  /** At the last check there was nothing to do. */
  #isQuiet = false;
  #isStopped = false;

  constructor(parts: EngineWatchParts) {
    this.#parts = parts;
    const { db, hidesBlockers, clock, projector, queue, processes, observer } = parts;
    this.#lag = new LagReport((change) => observer.tell('lagChanged', change));
    this.#stalls = new StallWatch({
      ...{ db, hidesBlockers, clock },
      watched: [appends(queue), ...projector.watched()],
      known: () => processes.stalls(),
      onStall: (stall, isOver) => observer.tell('stallChanged', { stall, isOver }),
    });
  }

  /** The current stalls. Keys: `append`, the name of a projection, `process:NAME` or `effect:NAME`. */
  get stalls(): ReadonlyMap<string, Stall> {
    return this.#stalls.stalls;
  }

  start(): void {
    this.#parts.projector.head.onAdvance(() => {
      if (this.#isQuiet) this.#checkIn(INTERVAL_MS);
    });
    this.#checkNow();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #checkNow(): void {
    this.#isQuiet = this.#check();
    this.#checkIn(this.#isQuiet ? QUIET_INTERVAL_MS : INTERVAL_MS);
  }

  #checkIn(ms: number): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    if (ms !== QUIET_INTERVAL_MS) this.#isQuiet = false;
    this.#timer = later(ms, () => this.#checkNow(), { keepsProcess: false });
  }

  /** @returns true if there is nothing to do, and nothing stands still. */
  #check(): boolean {
    const { projector, queue, admission, clockCheck } = this.#parts;
    clockCheck.check();
    const projections = projector.status();
    admission.judge(projections);
    this.#lag.check(projections);
    this.#reportLeases(projections.flatMap(({ name, isOurs }) => (isOurs ? [name] : [])));
    void this.#stalls.check();
    return !queue.current && this.stalls.size === 0 && projections.every(({ lag, isServed }) => lag === 0 && isServed);
  }

  #reportLeases(running: readonly string[]): void {
    const before = this.#running;
    this.#running = running;
    const taken = running.filter((name) => !before.includes(name));
    const left = before.filter((name) => !running.includes(name));
    if (taken.length + left.length > 0) this.#parts.observer.tell('leasesChanged', { taken, left });
  }
}

function appends(queue: AppendQueue): MonitoredWork {
  return {
    what: 'append',
    inProgress: () => {
      if (!queue.current) return undefined;
      const { since, first, trouble } = queue.current;
      const [event] = first.events;
      const { streamType, streamId } = first;
      const forMs = performance.now() - since;
      return { forMs, trouble, event: event ? { position: null, type: event.type, streamType, streamId } : null };
    },
    isOf: ({ application, query }) => application === 'afterwrite writer' && query.includes('es.append'),
  };
}
