import type { Database } from '../../../database/client.ts';
import { Semaphore } from '../../../scheduling/semaphore.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { type PersonalReaches, personalReaches } from '../../define/read-model/personal-reach.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { Registry } from '../../define/registration/registry.ts';
import type { LogReader } from '../../log/log-reader.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { BeforeServed } from '../../read/rebuild/swap.ts';
import type { Erasure, Erasures } from '../erasures.ts';
import { outdatedTables } from '../outdated-tables.ts';
import { type Applied, applyHiding } from './apply-hiding.ts';
import { HiddenErasures } from './hidden-erasures.ts';
import { hideRows } from './hide-rows.ts';
import { ColumnMasks } from './mask-columns.ts';
import { findTouchedRows, type InTurn } from './touched-by-subjects.ts';
import type { TouchedRows } from './touched-rows.ts';

export interface HidingParts {
  /** With the rights of the projector. */
  readonly db: Database;
  readonly registry: Pick<Registry, 'projections' | 'events'>;
  readonly erasures: Pick<Erasures, 'allAfter' | 'typesOf'>;
  readonly log: Pick<LogReader, 'readAt'>;
  /** True if this instance fills the live table of a read model. */
  readonly isRunning: (projection: Projection) => boolean;
  /** Called when rows were changed, or may be in memory as they were: whoever fills the table has to read them again. */
  readonly onHidden: () => void;
  readonly observer: EngineObserver;
}

/** Pages of events that are read, and transactions that mask rows, at the same time: each has a connection. */
const AT_ONCE = 2;
/** Time until it is tried again if somebody holds a table or its checkpoint, in ms. */
const AGAIN_MS = 200;

/**
 * Hides what was erased in read models at once, for as long as they are not made again: it takes a look at the subject's events, however
 * large the log is.
 *
 * Personal data gets into a row only from an event that changes it. So the rows to look at are those that the handlers name for the
 * subject's events, and the columns those into which the handlers put personal data of such events. They are masked as a whole, in the
 * row and in its former versions, also what somebody else has put there: what is shown may be too little, until the read model is made
 * again, but nothing that was erased.
 *
 * Every instance does it, after it has forgotten the subject's keys and events: whatever it may have folded with these is hidden then.
 * Each read model has a task of its own for the erasures that were found together, so that none waits for a table that somebody holds, nor
 * for the many events of somebody else.
 */
export class Hiding {
  readonly #parts: HidingParts;
  readonly #reaches = new Map<string, PersonalReaches>();
  readonly #hidden = new HiddenErasures();
  readonly #places = new Semaphore(AT_ONCE);
  readonly #stopping = new AbortController();

  constructor(parts: HidingParts) {
    this.#parts = parts;
  }

  /**
   * Hides what is not hidden yet. What fails is reported, and done with the next call.
   * @param number resolves when this erasure is hidden; by default, when all are that are known now.
   */
  async run(number?: number): Promise<void> {
    const { db, registry, erasures, observer } = this.#parts;
    try {
      const ours = new Map([...registry.projections.values()].map((each) => [each.checkpoint.key, each]));
      const outdated = (await outdatedTables(db)).filter(({ key }) => ours.has(key));
      this.#hidden.keepOnly(outdated);
      if (outdated.length === 0) return;
      const all = await erasures.allAfter(Math.min(...outdated.map((table) => table.erasures)));
      if (this.#stopping.signal.aborted) return;
      for (const table of outdated) {
        const projection = ours.get(table.key);
        const missing = this.#hidden.missing(table, all);
        if (projection && missing.length > 0) this.#begin(projection, missing);
      }
      await this.#hidden.settled(number);
    } catch (error) {
      observer.tell('faultMet', { error, context: { part: 'erasures' } });
    }
  }

  /** Ends what waits for a lock, and resolves when nothing goes on any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#hidden.settled();
  }

  /**
   * Prepares to hide in a table that is about to be served: the events are read before anybody waits for the swap. What fails is
   * reported, and the table is served all the same: it is made again because of these erasures. Otherwise no rebuild could ever end
   * the fault.
   */
  readonly beforeServed: BeforeServed = async (projection, erasures) => {
    const failed = (error: unknown) => this.#failed(error, projection);
    let known = erasures;
    const prepared: TouchedRows[] = [];
    /** @returns true if there were erasures that had not been prepared. */
    const prepare = async (run: InTurn) => {
      const later = await this.#parts.erasures.allAfter(known);
      const found: TouchedRows[] = [];
      for await (const touched of this.#touchedBy(projection, later, run)) found.push(touched);
      prepared.push(...found);
      known = later.at(-1)?.number ?? known;
      return later.length > 0;
    };
    try {
      while (await prepare(this.#inTurn));
    } catch (error) {
      failed(error);
    }
    return async (tx) => {
      try {
        // Those that came in the meantime are few. They wait for no place: who has one may wait for a table that the swap has locked.
        await prepare((work) => work());
        if (prepared.length === 0) return;
        await tx.transaction(async (part) => {
          const masks = this.#masksOf(projection);
          for (const touched of prepared) await hideRows(part as unknown as Database, projection, touched, masks);
        });
      } catch (error) {
        failed(error);
      }
    };
  };

  #begin(projection: Projection, missing: readonly Erasure[]): void {
    const task = this.#hide(projection, missing).catch((error) => this.#failed(error, projection));
    this.#hidden.begin(projection.checkpoint.key, missing, task);
  }

  async #hide(projection: Projection, erasures: readonly Erasure[]): Promise<void> {
    const { signal } = this.#stopping;
    let last: Applied | undefined;
    for await (const touched of this.#touchedBy(projection, erasures, this.#inTurn)) {
      last = await this.#apply(projection, touched);
      if (!last) return;
      this.#hidden.changed(projection.checkpoint.key, last);
    }
    // Nothing to hide: it is done in whatever rows there are.
    if (!signal.aborted) this.#hidden.done(projection.checkpoint.key, erasures, last);
  }

  /** Tries until nobody else holds the rows. @returns undefined if the engine stops before. */
  async #apply(projection: Projection, touched: TouchedRows): Promise<Applied | undefined> {
    const { db, isRunning, onHidden } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const masks = this.#masksOf(projection);
      const applied = await this.#places.run(() => applyHiding(db, projection, touched, masks, isRunning(projection)));
      if (applied !== 'busy') {
        if (applied.after !== applied.before) onHidden();
        return applied;
      }
      await pause(AGAIN_MS, signal);
    }
    return undefined;
  }

  /** Runs work when there is a place for it. */
  readonly #inTurn: InTurn = (work) => this.#places.run(work);

  #touchedBy(projection: Projection, erasures: readonly Erasure[], run: InTurn): AsyncGenerator<TouchedRows> {
    const subjects = erasures.map(({ subject }) => subject);
    const { db, log, registry } = this.#parts;
    const parts = { db, log, events: registry.events, erasures: this.#parts.erasures, run };
    return findTouchedRows(parts, projection, () => this.#reachesOf(projection), subjects);
  }

  #masksOf(projection: Projection): ColumnMasks {
    return new ColumnMasks(projection, (error) => this.#failed(error, projection));
  }

  #failed(error: unknown, { name: projection }: Projection): void {
    this.#parts.observer.tell('faultMet', { error, context: { part: 'erasures', projection } });
  }

  #reachesOf(projection: Projection): PersonalReaches {
    const { name } = projection;
    const reaches = this.#reaches.get(name) ?? personalReaches(projection, this.#parts.registry.events);
    this.#reaches.set(name, reaches);
    return reaches;
  }
}
