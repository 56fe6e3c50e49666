import { type BusyBackend, busyBackends } from '../../database/activity/activity.ts';
import type { Database } from '../../database/client.ts';
import { within } from '../../scheduling/timers.ts';
import type { Clock } from '../clock/clock.ts';
import { type CurrentWork, explainStall, type Stall } from './stall.ts';

/** Work that is watched for stalls. */
export interface MonitoredWork {
  readonly what: string;
  /** What it is doing; undefined if it is idle. */
  readonly inProgress: () => Omit<CurrentWork, 'what'> | undefined;
  /** True if a statement belongs to this kind of work, in whatever process. */
  readonly isOf: (backend: BusyBackend) => boolean;
}

export interface StallWatchOptions {
  /** A connection that no other work can keep busy. */
  readonly db: Database;
  readonly clock: Clock;
  /** Tenants share the database: whoever blocks may be another tenant, and is not shown. */
  readonly hidesBlockers?: boolean;
  readonly watched: readonly MonitoredWork[];
  /** Stalls whose reasons are known without asking Postgres. */
  readonly known?: () => readonly Stall[];
  /** Called when a stall begins, when its kind changes (at most every 10 seconds), and when it is over. */
  readonly onStall: (stall: Stall, isOver: boolean) => void;
}

/** Work that takes longer than this is examined, in ms. */
const EXAMINE_AFTER_MS = 1000;
/** Time limit for Postgres to report what it is doing, in ms. */
const ANSWER_WITHIN_MS = 2000;
/** Minimum time between reports of one stall, in ms. A slow statement shows a new wait event in every check. */
const TELL_AGAIN_AFTER_MS = 10_000;

/** Finds out why appends or projections stall. It costs nothing while they do not. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #stalls: ReadonlyMap<string, Stall> = new Map();
  /** The last report of each stall. */
  readonly #told = new Map<string, { readonly stall: Stall; readonly at: number }>();
  #isChecking = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** The stalls found by the last check, by {@link Stall.what}. */
  get stalls(): ReadonlyMap<string, Stall> {
    return this.#stalls;
  }

  /** Looks for stalled work, and asks Postgres only if there is any. Never throws. */
  async check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      await this.#findStalls();
    } finally {
      this.#isChecking = false;
    }
  }

  async #findStalls(): Promise<void> {
    const { watched, clock } = this.#options;
    const longWorkOf = (each: MonitoredWork) => {
      const work = each.inProgress();
      return work && work.forMs >= EXAMINE_AFTER_MS ? work : undefined;
    };
    const known = this.#options.known?.() ?? [];
    if (this.#stalls.size + known.length === 0 && !watched.some(longWorkOf)) return;
    const backends = watched.some(longWorkOf) ? await this.#busyBackends() : [];
    const found = new Map<string, Stall>();
    for (const each of watched) {
      // It may have continued while Postgres was queried.
      const work = longWorkOf(each);
      if (!work) continue;
      const stall = explainStall({ what: each.what, ...work }, backends?.filter(each.isOf), clock);
      if (stall) found.set(each.what, stall);
    }
    for (const stall of known) found.set(stall.what, stall);
    this.#stalls = found;
    this.#tell();
  }

  /** Undefined if Postgres does not answer in time. */
  #busyBackends(): Promise<BusyBackend[] | undefined> {
    const { db, hidesBlockers = false } = this.#options;
    const shown = (backends: BusyBackend[]) =>
      hidesBlockers ? backends.map((backend) => ({ ...backend, blockers: [] })) : backends;
    const answer = busyBackends(db).then(shown, () => undefined);
    return within<BusyBackend[] | undefined>(ANSWER_WITHIN_MS, answer, () => undefined);
  }

  #tell(): void {
    const { onStall } = this.#options;
    const now = performance.now();
    for (const [what, stall] of this.#stalls) {
      const told = this.#told.get(what);
      if (told && (isSame(told.stall, stall) || now - told.at < TELL_AGAIN_AFTER_MS)) continue;
      this.#told.set(what, { stall, at: now });
      onStall(stall, false);
    }
    for (const [what, { stall }] of this.#told) {
      if (this.#stalls.has(what)) continue;
      this.#told.delete(what);
      onStall(stall, true);
    }
  }
}

/** True if two stalls need only one report, because they differ at most in details. */
function isSame(a: Stall, b: Stall): boolean {
  return (
    a.waitingFor === b.waitingFor &&
    String(a.blockers.map(({ pid }) => pid)) === String(b.blockers.map(({ pid }) => pid))
  );
}
