import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';
import { foreignReplica } from '../../../database/replica.ts';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause, Sleeper } from '../../../scheduling/sleeper.ts';
import { every } from '../../../scheduling/timers.ts';
import { Positions } from '../../consistency/positions.ts';
import type { CheckpointId } from '../../define/checkpoint-id.ts';
import { Hub, type ProjectionMoved } from '../../notify/hub.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import { PendingUpdates } from './pending-updates.ts';
import type { ReadSide } from './read-side.ts';

/** Shortest interval of queries to the replica while updates are pending or a caller waits, in ms. */
const BUSY_MS = 5;
/** The same while queries find nothing new: a caller may wait this long for the next query. */
const BUSY: Backoff = { firstMs: BUSY_MS, maxMs: 25, factor: 1.5 };
/** The same while there is nothing to wait for. */
const IDLE_MS = 1000;
/** Reads wait for a replica that does not answer, so it is asked at least every two seconds. */
const ASK_AGAIN: Backoff = { firstMs: 100, maxMs: 2000 };
/** An answer that takes longer than this is reported, in ms. */
const SILENCE_MS = 5000;

export interface ReplicaOptions {
  /** The server that queries read from, with a user who may read `es.store`. */
  readonly db: Database;
  /** The epoch that it must have. */
  readonly epoch: string;
  /** The projections of the primary. */
  readonly projections: readonly { readonly name: string; readonly checkpoint: CheckpointId }[];
  readonly projected: Hub;
  /** The positions on the primary. */
  readonly primary: Pick<Positions, 'of'>;
  /** Maximum number of waiting reads. */
  readonly maxWaiters: number;
  /** Maximum number of waiting reads of one caller. */
  readonly maxWaitersPerCaller?: number | undefined;
  readonly observer: EngineObserver;
}

interface ShownCheckpoint {
  readonly epoch: string;
  readonly projection: string | null;
  readonly position: number | null;
  readonly generation: number | null;
  readonly whole_at: number | null;
  readonly has_parked: boolean | null;
}

/** The last known state of one projection. */
interface Told {
  /** Key of its checkpoint. */
  readonly key: string;
  position: number;
  generation: number;
  /** The position from which on its table is complete; undefined if the replica does not have the table. */
  wholeAt: number | undefined;
  readonly pending: PendingUpdates;
}

/**
 * The read side on a replica. A change is announced when the replica shows it. Only the replica's checkpoints, which
 * are replicated with the rows, can show that. If the replica lags or does not answer, reads with a token wait; other
 * reads do not.
 */
export class Replica implements ReadSide {
  readonly isReplica = true;
  readonly positions: Positions;
  readonly hub: Hub;
  readonly #options: ReplicaOptions;
  readonly #checkpoints: (parameters: Record<string, unknown>) => Promise<ShownCheckpoint[]>;
  readonly #told: ReadonlyMap<string, Told>;
  readonly #stopListening: () => void;
  /** Incremented when our view of the replica may be stale. Results of queries started before the increment are ignored. */
  #invalidations = 0;
  /** True if the replica has reported its positions, and none of its connections has ended since. */
  #isKnown = false;
  readonly #stopping = new AbortController();
  readonly #sleeper = new Sleeper(this.#stopping.signal);

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const { db, projections, projected, maxWaiters, maxWaitersPerCaller: perCaller, observer } = options;
    const names = projections.map(({ name }) => name);
    this.positions = new Positions(names, maxWaiters, { perCaller, onWait: () => this.#sleeper.wake() });
    this.hub = new Hub(observer);
    this.#checkpoints = prepared(
      db,
      'replica_checkpoints',
      sql`select epoch, projection, position, generation, whole_at,
            exists (select from read.dead_letters d where d.projection = c.projection and status = 'PARKED') as has_parked
          from es.store left join read.checkpoints c on true`,
    );
    this.#told = new Map(
      projections.map(({ name, checkpoint: { key } }) => [
        name,
        { key, position: 0, generation: 0, wholeAt: undefined, pending: new PendingUpdates() },
      ]),
    );
    this.#stopListening = projected.listen(names, (moved) => this.#projected(moved));
  }

  arriving(): readonly string[] {
    const { primary } = this.#options;
    return [...this.#told].flatMap(([name, { position, wholeAt }]) =>
      wholeAt === undefined || position < Math.min(wholeAt, primary.of(name)) ? [name] : [],
    );
  }

  /** Starts querying the replica. Resolves after the first query, whatever its result. */
  start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    void this.#run(resolve);
    return promise;
  }

  /** Stops querying. */
  stop(): void {
    this.#stopping.abort();
    this.#stopListening();
  }

  /**
   * A connection has ended. Perhaps the replica was killed and comes back at an earlier position. Its state is unknown
   * until it reports its positions.
   */
  invalidate(): void {
    this.#invalidations++;
    this.#isKnown = false;
    for (const name of this.positions.names) this.positions.retreat(name, 0);
    this.#sleeper.wake();
  }

  #projected(moved: ProjectionMoved): void {
    const told = this.#told.get(moved.projection);
    if (!told) return;
    told.pending.add(moved, told.position);
    // The replica was faster than the notification.
    if (moved.position <= told.position) this.hub.publish({ ...moved, position: told.position });
    else this.#sleeper.wake();
  }

  async #run(onPolled: () => void): Promise<void> {
    let failures = 0;
    /** Consecutive queries that found nothing new. */
    let idle = 0;
    while (!this.#stopping.signal.aborted) {
      const began = performance.now();
      try {
        idle = (await this.#poll()) ? 0 : idle + 1;
        failures = 0;
      } catch (error) {
        if (!this.#stopping.signal.aborted)
          this.#options.observer.tell('faultMet', { error, context: { part: 'replica' } });
        failures++;
      }
      onPolled();
      if (failures > 0) await this.#pause(backoffMs(failures, ASK_AGAIN));
      else if (this.#isBusy) await this.#pause(backoffMs(idle + 1, BUSY));
      else {
        await this.#sleeper.sleep(IDLE_MS);
        idle = 0;
        await this.#pause(BUSY_MS - (performance.now() - began));
      }
    }
  }

  /** True if updates are pending, a caller waits, or the replica's state is unknown. */
  get #isBusy(): boolean {
    if (!this.#isKnown) return true;
    return [...this.#told].some(([name, { pending }]) => !pending.isEmpty || this.positions.isAwaited(name));
  }

  /** @returns true if anything has changed. */
  async #poll(): Promise<boolean> {
    const invalidations = this.#invalidations;
    const rows = await this.#answered(this.#checkpoints({}));
    // The result is from before a connection ended, and may be outdated.
    if (this.#stopping.signal.aborted || invalidations !== this.#invalidations) return true;
    if (rows[0]?.epoch !== this.#options.epoch) {
      this.invalidate();
      throw foreignReplica('The read replica');
    }
    this.#isKnown = true;
    const shown = new Map(rows.map((row) => [row.projection, row]));
    let hasMoved = false;
    for (const [name, told] of this.#told) {
      const { position, generation, whole_at: wholeAt, has_parked: hasParked } = shown.get(told.key) ?? {};
      told.wholeAt = wholeAt ?? undefined;
      this.positions.setParked(name, hasParked ?? false);
      if (this.#show(name, told, position ?? 0, generation ?? 0)) hasMoved = true;
    }
    return hasMoved;
  }

  /** Reports repeatedly if an answer does not come, because the driver reconnects silently. */
  async #answered<T>(answer: Promise<T>): Promise<T> {
    const began = performance.now();
    const complain = () => {
      const seconds = Math.round((performance.now() - began) / 1000);
      this.#options.observer.tell('faultMet', {
        error: new Error(`The read replica has not answered for ${seconds} s.`),
        context: { part: 'replica' },
      });
    };
    const timer = every(SILENCE_MS, complain);
    const stop = () => timer.cancel();
    this.#stopping.signal.addEventListener('abort', stop);
    try {
      return await answer;
    } finally {
      stop();
      this.#stopping.signal.removeEventListener('abort', stop);
    }
  }

  #show(projection: string, told: Told, position: number, generation: number): boolean {
    const { position: before, generation: former, pending } = told;
    told.position = position;
    told.generation = generation;
    // The replica was created again, or the projection starts again there.
    this.positions.retreat(projection, position);
    this.positions.advance(projection, position);
    if (position < before || (position === before && generation === former)) return position !== before;
    const shown = pending.take(before, position);
    // If the table was changed from outside, it is unknown which rows changed.
    const changed = generation === former ? shown : { keys: null, lagMs: shown.lagMs };
    this.hub.publish({ projection, position, ...changed });
    return true;
  }

  #pause(ms: number): Promise<void> {
    return pause(Math.max(0, ms), this.#stopping.signal);
  }
}
