import type { Database } from '../../database/client.ts';
import { pause, Sleeper } from '../../scheduling/sleeper.ts';
import type { Subject } from '../define/personal/subject.ts';
import type { LogHead } from '../log/log-head.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import type { Erasure, Erasures } from './erasures.ts';
import { purge } from './purge.ts';
import type { KeptForDays } from './retention.ts';

export interface ErasureWatchParts {
  readonly erasures: Pick<Erasures, 'after' | 'newest' | 'late'>;
  /** With the rights of the tables' owner. */
  readonly owner: Database;
  /** Where parts of events are that are kept for a number of days. */
  readonly kept: KeptForDays;
  readonly observer: EngineObserver;
}

/** What the watch calls once the engine is complete. */
export interface ErasureWork {
  readonly head: LogHead;
  /**
   * Makes read models again that contain what was erased; undefined if this instance runs none.
   * @returns what is not done yet.
   */
  readonly remake: (() => Promise<readonly string[]>) | undefined;
  /** Hides what was erased in read models that are not made again yet; undefined if this instance runs none. Does not fail. */
  readonly hide: (() => Promise<void>) | undefined;
  /** Erases what is due without an order. */
  readonly upkeep: () => Promise<void>;
  /** Records an erasure again. @param lastPosition of the subject's newest event. */
  readonly repeat: (erasure: Erasure, lastPosition: number) => Promise<void>;
}

/** Drops what this process has in memory of erased subjects, or of all. Done when it has, and writes nothing of it any more. */
type Forget = (subjects: readonly Subject[] | 'all') => Promise<void>;

/** New events within this time are looked at together, in ms. */
const SOON_MS = 50;
/** Time between two looks while nothing happens, in ms: a notification may have been lost. */
const IDLE_MS = 1000;
/** Number of erasures before the start of a process that it looks at again. */
const RECENT = 500;

/**
 * Makes an instance follow the erasures in the log: it forgets what it has in memory of the subject, removes what the engine
 * has stored of their events, and has the read models made again. Every instance does so. What is done twice does no harm.
 */
export class ErasureWatch {
  readonly #parts: ErasureWatchParts;
  readonly #forget: Forget[] = [];
  readonly #stopping = new AbortController();
  readonly #sleeper = new Sleeper(this.#stopping.signal);
  #work: ErasureWork | undefined;
  /** Number of erasures that this process has followed. */
  #followed = 0;
  #checking: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;
  readonly #hiding = new Set<Promise<void>>();

  constructor(parts: ErasureWatchParts) {
    this.#parts = parts;
  }

  /** Calls `forget` with the subjects of each erasure, and once at the start for all. */
  onErased(forget: Forget): void {
    this.#forget.push(forget);
  }

  async start(work: ErasureWork): Promise<void> {
    // Erasures up to this one need not be followed one by one, if nothing is kept that was read before it was known.
    this.#followed = await this.#parts.erasures.newest();
    await Promise.all(this.#forget.map((forget) => forget('all')));
    this.#work = work;
    work.head.onAdvance(() => this.#sleeper.wake());
    this.#running = this.#run(work);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#hiding);
  }

  /** Looks for erasures now. Resolves when this process has forgotten what they are about. */
  check(): Promise<void> {
    this.#checking = this.#checking.catch(() => undefined).then(() => this.#follow());
    return this.#checking;
  }

  async #run({ remake, hide, upkeep }: ErasureWork): Promise<void> {
    const { signal } = this.#stopping;
    const { erasures } = this.#parts;
    let isNew = true;
    let remadeAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const before = this.#followed;
      // What this process has in memory comes first, and nothing that fails keeps it from the rest.
      await this.#attempt(() => this.check());
      // It may wait for tables that somebody holds. The next erasures do not wait for it.
      if (this.#followed > before) this.#begin(hide);
      const begunFor = this.#followed;
      await this.#attempt(async () => {
        // The instances that had the key may all have died before they followed.
        if (isNew) await this.#repeatLate(await erasures.after(Math.max(0, this.#followed - RECENT)));
        isNew = false;
      });
      await this.#attempt(upkeep);
      // It also begins what failed or what another instance has left, but not after every event.
      if (this.#followed > before || performance.now() - remadeAt >= IDLE_MS) {
        if (this.#followed > begunFor || this.#hiding.size === 0) this.#begin(hide);
        await this.#attempt(async () => remake?.());
        remadeAt = performance.now();
      }
      await this.#sleeper.sleep(IDLE_MS);
      await pause(SOON_MS, signal);
    }
  }

  #begin(hide: ErasureWork['hide']): void {
    if (!hide) return;
    const hiding = hide().finally(() => this.#hiding.delete(hiding));
    this.#hiding.add(hiding);
  }

  async #attempt(step: () => Promise<unknown>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#parts.observer.tell('faultMet', { error, context: { part: 'erasures' } });
    }
  }

  async #follow(): Promise<void> {
    const { erasures, owner, kept } = this.#parts;
    for (let found = await erasures.after(this.#followed); found.length > 0; ) {
      const subjects = [...new Set(found.map(({ subject }) => subject))];
      await Promise.all(this.#forget.map((forget) => forget(subjects)));
      await purge(owner, subjects, kept);
      await this.#repeatLate(found);
      this.#followed = found.at(-1)?.number ?? this.#followed;
      found = await erasures.after(this.#followed);
    }
  }

  /**
   * Until it learned of an erasure, an instance may have appended events with the key that it still had in memory, and may
   * have folded their plain data into a table that was made again already. So the erasure is repeated: after it, every table
   * is made again by instances that have forgotten the key.
   */
  async #repeatLate(found: readonly Erasure[]): Promise<void> {
    const newest = new Map<string, Erasure>(found.map((erasure) => [erasure.subject, erasure]));
    for (const [subject, last] of await this.#parts.erasures.late([...newest.values()])) {
      const erasure = newest.get(subject);
      if (erasure) await this.#work?.repeat(erasure, last);
    }
  }
}
