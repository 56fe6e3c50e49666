import { setTimeout as delay } from 'node:timers/promises';
import { type BusyBackend, busyBackends } from '../../database/activity.ts';
import type { Database } from '../../database/client.ts';
import type { Clock } from '../clock/database-clock.ts';
import { explainStall, type Stall, type Standing } from './stall.ts';

/** Something that is looked after. */
export interface Watched {
  readonly what: string;
  /** What it is at, where it is at something. */
  readonly underWay: () => Omit<Standing, 'what'> | undefined;
  /** Whether a statement is of its kind, whichever process runs it. */
  readonly isOf: (backend: BusyBackend) => boolean;
}

export interface StallWatchOptions {
  /** A connection that nothing else can keep busy. */
  readonly db: Database;
  readonly clock: Clock;
  readonly watched: readonly Watched[];
  /** What stands still for reasons that are known without asking Postgres. */
  readonly known?: () => readonly Stall[];
  /** Told when a stall begins, when it is of another kind, at most every 10 seconds, and when it is over. */
  readonly onStall: (stall: Stall, isOver: boolean) => void;
}

/** What has been under way for so long is looked at, in ms. */
const LOOK_AFTER_MS = 1000;
/** How long Postgres may take to say what it is doing, in ms. */
const ANSWER_WITHIN_MS = 2000;
/** Between two kinds of one stall that are told, in ms: what only is slow waits for something else at every look. */
const TELL_AGAIN_AFTER_MS = 10_000;

/** Finds out why appends or projections stand still, and costs nothing while they do not. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #stalls: ReadonlyMap<string, Stall> = new Map();
  /** What was told of each of them, and when. */
  readonly #told = new Map<string, { readonly stall: Stall; readonly at: number }>();
  #looking = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** What stood still at the last look, by {@link Stall.what}. */
  get stalls(): ReadonlyMap<string, Stall> {
    return this.#stalls;
  }

  /** Looks whether anything stands still, and asks Postgres only then. Never throws. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#look();
    } finally {
      this.#looking = false;
    }
  }

  async #look(): Promise<void> {
    const { db, watched, clock } = this.#options;
    const isStanding = (each: Watched) => {
      const underWay = each.underWay();
      return underWay && underWay.forMs >= LOOK_AFTER_MS ? underWay : undefined;
    };
    const known = this.#options.known?.() ?? [];
    if (this.#stalls.size + known.length === 0 && !watched.some(isStanding)) return;
    const backends = watched.some(isStanding) ? await answered(busyBackends(db)) : [];
    const found = new Map<string, Stall>();
    for (const each of watched) {
      // Only what still stands still after Postgres was asked.
      const underWay = isStanding(each);
      if (!underWay) continue;
      const stall = explainStall({ what: each.what, ...underWay }, backends?.filter(each.isOf), clock);
      if (stall) found.set(each.what, stall);
    }
    for (const stall of known) found.set(stall.what, stall);
    this.#stalls = found;
    this.#tell();
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

/** What is told once: later looks differ in details. */
function isSame(a: Stall, b: Stall): boolean {
  return (
    a.waitingFor === b.waitingFor &&
    String(a.blockers.map(({ pid }) => pid)) === String(b.blockers.map(({ pid }) => pid))
  );
}

/** Undefined where Postgres does not answer, or not in time. */
async function answered<T>(answer: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const late = delay(ANSWER_WITHIN_MS, undefined, { signal: over.signal, ref: false }).catch(() => undefined);
  try {
    return await Promise.race([answer.catch(() => undefined), late]);
  } finally {
    over.abort();
  }
}
