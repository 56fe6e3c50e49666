import type { Database } from '../../../database/client.ts';
import { Sleeper } from '../../../scheduling/sleeper.ts';
import type { Checkpoints } from '../../checkpoints/checkpoints.ts';
import { HeldLease } from '../../checkpoints/leases/held-lease.ts';
import type { Leases } from '../../checkpoints/leases/leases.ts';
import type { Clock } from '../../clock/clock.ts';
import { checkpointId } from '../../define/checkpoint-id.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { WindowMemory } from '../fold/window-memory.ts';
import { beginRebuild, dropShadow } from './begin-rebuild.ts';
import type { DedicatedPools } from './dedicated-pools.ts';
import { RebuildJob } from './rebuild-job.ts';
import { RebuildMeter, type RebuildStatus } from './rebuild-progress.ts';
import { type ShadowRow, shadowRows } from './shadow-checkpoint.ts';
import type { BeforeServed } from './swap.ts';

export interface RebuildCoordinatorParts {
  /** A connection that answers at once, because no batch uses it. */
  readonly db: Database;
  /** Opens connections for work on shadows; the caller closes them. */
  readonly openDedicated: () => DedicatedPools;
  readonly projections: readonly Projection[];
  readonly checkpoints: Checkpoints;
  readonly leases: Leases;
  /** The id of this instance. */
  readonly owner: string;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  readonly batchLimit: number;
  readonly windowMemory: WindowMemory;
  readonly clock: Clock;
  /** Called before this instance fills a shadow. What it has in memory of erased subjects must be forgotten by then. */
  readonly beforeFill?: (() => Promise<void>) | undefined;
  /** Called after a read model got another table and generation, and possibly another position. */
  readonly onSwapped: () => void;
  readonly observer: EngineObserver;
}

/** Time between two checks while there are shadows, in ms. */
const POLL_MS = 1000;

/**
 * This instance's share in rebuilds. It works on one at a time among those that no instance works on, and follows the
 * progress of all.
 */
export class RebuildCoordinator {
  readonly #parts: RebuildCoordinatorParts;
  readonly #meter = new RebuildMeter();
  #current: { readonly job: RebuildJob; readonly ended: Promise<void> } | undefined;
  readonly #stopping = new AbortController();
  readonly #sleeper = new Sleeper(this.#stopping.signal);
  /** The last check that was started. Only one runs at a time. */
  #polling: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;
  #works = false;
  /** The last check has found shadows. */
  #hasShadows = true;
  #beforeServed: BeforeServed = async () => async () => {};

  constructor(parts: RebuildCoordinatorParts) {
    this.#parts = parts;
  }

  /**
   * Starts looking for rebuilds.
   * @param works false if this instance only follows their progress.
   */
  async start(works: boolean): Promise<void> {
    this.#works = works;
    await this.#pollNow();
    this.#running = this.#keepPolling();
  }

  /** Releases the rebuild that it works on, so that other instances can continue it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#polling;
    await this.#current?.job.stop();
    await this.#current?.ended;
  }

  /** The table of checkpoints contains shadows, as somebody who has read it has seen. Nothing is asked while it has none. */
  sawShadows(): void {
    if (!this.#hasShadows) this.#sleeper.wake();
  }

  /** Has `prepare` called before a shadow that was filled becomes the live table, and what it returns when it does. */
  beforeServed(prepare: BeforeServed): void {
    this.#beforeServed = prepare;
  }

  /** Wakes it up, because there are new events. */
  wake(): void {
    this.#current?.job.wake();
  }

  /**
   * Begins to rebuild a read model, or joins a rebuild in progress. This instance continues it, unless another one
   * takes it.
   * @throws {RebuildError} REBUILD_REFUSED
   */
  async begin(projection: Projection): Promise<'begun' | 'joined'> {
    const outcome = await this.#withPools(({ owner }) => beginRebuild(owner, projection));
    await this.#pollNow();
    return outcome;
  }

  /** Null if a projection is not being rebuilt, as far as this instance knows. */
  status(projection: Projection): RebuildStatus | null {
    return this.#meter.of(checkpointId('rebuild', projection.name, projection.version).key, this.#parts.head.position);
  }

  async #keepPolling(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#sleeper.sleep(this.#hasShadows ? POLL_MS : undefined);
      if (!signal.aborted) await this.#pollNow();
    }
  }

  /** Checks again after the check in progress. */
  #pollNow(): Promise<void> {
    this.#polling = this.#polling
      .then(() => this.#poll())
      .catch((error) => this.#parts.observer.tell('faultMet', { error, context: { part: 'rebuild' } }));
    return this.#polling;
  }

  async #poll(): Promise<void> {
    const { db } = this.#parts;
    const rows = await shadowRows(db);
    if (this.#works && !this.#stopping.signal.aborted) {
      await this.#dropAbandoned(rows);
      if (!this.#current) await this.#take(rows);
    }
    this.#meter.seen(rows);
    // The loop may be asleep until it is told of shadows.
    if (rows.length > 0 && !this.#hasShadows) this.#sleeper.wake();
    this.#hasShadows = rows.length > 0;
  }

  /** Drops the tables of comparisons whose instance was killed. No other instance continues those. */
  async #dropAbandoned(rows: readonly ShadowRow[]): Promise<void> {
    const abandoned = rows.filter(({ purpose, owner }) => purpose === 'verify' && owner === null);
    for (const row of abandoned) {
      const projection = this.#parts.projections.find((candidate) => isOf(row, candidate));
      if (projection) await this.#withPools(({ owner }) => dropShadow(owner, projection, 'verify'));
    }
  }

  async #take(rows: readonly ShadowRow[]): Promise<void> {
    const { projections, owner } = this.#parts;
    for (const row of rows) {
      const projection = projections.find((candidate) => isOf(row, candidate));
      if (!projection || row.purpose !== 'rebuild' || (row.owner !== null && row.owner !== owner)) continue;
      const lease = await this.#lease(projection);
      if (!lease) continue;
      if (this.#stopping.signal.aborted) return lease.release();
      this.#work(projection, lease);
      return;
    }
  }

  #lease({ name, version }: Projection): Promise<HeldLease | undefined> {
    const { leases, owner, observer } = this.#parts;
    return HeldLease.take({
      leases,
      instanceId: owner,
      consumer: checkpointId('rebuild', name, version),
      onLost: () => void this.#current?.job.stop(),
      observer,
      context: { part: 'rebuild', projection: name },
    });
  }

  #work(projection: Projection, lease: HeldLease): void {
    const pools = this.#parts.openDedicated();
    const { checkpoint } = lease;
    const beforeServed: BeforeServed = (...shadow) => this.#beforeServed(...shadow);
    const job = new RebuildJob({
      ...this.#parts,
      pools,
      log: pools.log,
      projection,
      purpose: 'rebuild',
      checkpoint,
      beforeServed,
    });
    const ended = this.#runToEnd(job, pools, projection)
      .finally(() => lease.release())
      .catch((error) =>
        this.#parts.observer.tell('faultMet', { error, context: { part: 'rebuild', projection: projection.name } }),
      )
      .finally(async () => {
        this.#current = undefined;
        await pools.close();
        // There may be another one to work on.
        this.#sleeper.wake();
      });
    this.#current = { job, ended };
  }

  async #runToEnd(job: RebuildJob, pools: DedicatedPools, projection: Projection): Promise<void> {
    // A migration may have changed the table since the shadow was created.
    if ((await beginRebuild(pools.owner, projection)) === 'begun') return;
    await this.#parts.beforeFill?.();
    const outcome = await job.run();
    if (outcome === 'swapped') this.#parts.onSwapped();
    if (outcome === 'reshaped')
      await dropShadow(pools.owner, projection, 'rebuild').then(() => beginRebuild(pools.owner, projection));
  }

  async #withPools<T>(work: (pools: DedicatedPools) => Promise<T>): Promise<T> {
    const pools = this.#parts.openDedicated();
    try {
      return await work(pools);
    } finally {
      await pools.close();
    }
  }
}

function isOf(row: ShadowRow, { name, version }: Projection): boolean {
  return row.projection === name && row.version === version;
}
