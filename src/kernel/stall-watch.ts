import { setTimeout as delay } from 'node:timers/promises';
import { type BusyBackend, busyBackends } from '../database/activity.ts';
import type { Database } from '../database/client.ts';
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
  readonly watched: readonly Watched[];
  /** Told when a stall begins or is of another kind, and when it is over. */
  readonly onStall: (stall: Stall, isOver: boolean) => void;
}

/** What has been under way for so long is looked at, in ms. */
const LOOK_AFTER_MS = 1000;
/** How long Postgres may take to say what it is doing, in ms. */
const ANSWER_WITHIN_MS = 2000;

/** Finds out why appends or projections stand still, and costs nothing while they do not. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #stalls: ReadonlyMap<string, Stall> = new Map();
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
    const { db, watched, onStall } = this.#options;
    const isStanding = (each: Watched) => {
      const underWay = each.underWay();
      return underWay && Date.now() - underWay.since.getTime() >= LOOK_AFTER_MS ? underWay : undefined;
    };
    if (this.#stalls.size === 0 && !watched.some(isStanding)) return;
    const backends = watched.some(isStanding) ? await answered(busyBackends(db)) : [];
    const found = new Map<string, Stall>();
    for (const each of watched) {
      // Only what still stands still after Postgres was asked.
      const underWay = isStanding(each);
      if (!underWay) continue;
      const stall = explainStall({ what: each.what, ...underWay }, backends?.filter(each.isOf));
      if (stall) found.set(each.what, stall);
    }
    const before = this.#stalls;
    this.#stalls = found;
    for (const stall of found.values()) {
      if (!isSame(before.get(stall.what), stall)) onStall(stall, false);
    }
    for (const [what, stall] of before) if (!found.has(what)) onStall(stall, true);
  }
}

/** What is told once: later looks differ in details. */
function isSame(a: Stall | undefined, b: Stall): boolean {
  return (
    a?.waitingFor === b.waitingFor &&
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
