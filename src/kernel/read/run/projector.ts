import { singleFlight } from '../../../scheduling/single-flight.ts';
import { CheckpointBatcher } from '../../checkpoints/batched-advance.ts';
import { Checkpoints } from '../../checkpoints/checkpoints.ts';
import { IdleMoves } from '../../checkpoints/idle-moves.ts';
import { LeaseKeeper } from '../../checkpoints/leases/lease-keeper.ts';
import { Leases } from '../../checkpoints/leases/leases.ts';
import { RemoteCheckpoints } from '../../checkpoints/remote-checkpoints.ts';
import { Positions } from '../../consistency/positions.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { LogHead } from '../../log/log-head.ts';
import type { FormerRows } from '../../notify/changed-rows.ts';
import { Hub, type ProjectionMoved } from '../../notify/hub.ts';
import { MAX_FORMER_ROWS, type Notification } from '../../notify/notification-buffer.ts';
import type { MonitoredWork } from '../../observe/stall-watch.ts';
import { ProjectionTable } from '../fold/projection-table.ts';
import { WindowMemory } from '../fold/window-memory.ts';
import { RebuildCoordinator } from '../rebuild/rebuild-coordinator.ts';
import { type ProjectionStatus, statusOf } from '../status/projection-status.ts';
import { StartCatchUp } from '../status/start-catch-up.ts';
import { indexesKey } from '../tables/drop-indexes.ts';
import { type Verification, type VerifyParts, verifyProjection } from '../verify/verify.ts';
import { currentWorkOf, worksOn } from './current-batch.ts';
import { FillTurns } from './fill-turns.ts';
import { LogWatch } from './log-watch.ts';
import { ProjectionRunner } from './projection-runner.ts';
import type { ProjectorOptions } from './projector-options.ts';
import { WriteCosts } from './write-costs.ts';

/** Runs this instance's projections and follows those of other instances. `positions` has the position of each. */
export class Projector {
  readonly positions: Positions;
  readonly hub: Hub;
  readonly head = new LogHead();
  readonly rebuilds: RebuildCoordinator;
  /** Of the read models that this instance runs. */
  readonly costs = new WriteCosts();
  readonly #options: ProjectorOptions;
  readonly #checkpoints: Checkpoints;
  readonly #batcher: CheckpointBatcher;
  /** By the names of the projections. */
  readonly #runners: ReadonlyMap<string, ProjectionRunner>;
  readonly #leases: Leases;
  readonly #keeper: LeaseKeeper;
  readonly #remote: RemoteCheckpoints;
  readonly #log: LogWatch;
  readonly #catchUp = new StartCatchUp();
  readonly #stopping = new AbortController();
  readonly #fillTurns: FillTurns;
  readonly #windowMemory = new WindowMemory();
  /** The position of each projection that was last published to other instances. */
  readonly #lastPublished = new Map<string, number>();
  readonly #idleMoves: IdleMoves;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    const stopping = this.#stopping.signal;
    this.#fillTurns = new FillTurns({ atOnce: options.fillsAtOnce, head: this.head, stopping });
    const { projections, others, log, feed, onLost, observer } = options;
    this.#log = new LogWatch({ log, head: this.head, feed, onLost });
    const names = projections.map(({ name }) => name);
    const { maxWaiters, maxWaitersPerCaller: perCaller } = options;
    this.positions = new Positions(names, maxWaiters, { perCaller, onWait: () => this.#remote.awaited() });
    this.hub = new Hub(observer);
    this.#checkpoints = new Checkpoints(options.leases);
    this.#batcher = new CheckpointBatcher(options.db);
    const runners = new Map<string, ProjectionRunner>();
    const byKey = new Map<string, ProjectionRunner>();
    const refreshHead = singleFlight(() =>
      this.refreshHead().catch((error) => observer.tell('faultMet', { error, context: { part: 'projector' } })),
    );
    this.#remote = new RemoteCheckpoints({
      checkpoints: this.#checkpoints,
      projections,
      positions: this.positions,
      head: this.head,
      isRunning: (name) => runners.get(name)?.isRunning ?? false,
      refreshHead,
      canListen: () => others.canListen,
      onShadows: () => this.rebuilds.sawShadows(),
      onMoved: (moved) => this.#moved(moved),
      observer,
    });
    this.#leases = new Leases(options.leases);
    // Another instance is heard as soon as it starts, and has its leases a moment later.
    this.#idleMoves = new IdleMoves(() => this.#leases.isAlone && !others.hasListeners && !options.hasReplica);
    this.#keeper = new LeaseKeeper({
      leases: this.#leases,
      checkpoints: this.#checkpoints,
      consumers: projections.map(({ checkpoint }) => checkpoint),
      uses: projections.map(indexesKey),
      runners: byKey,
      known: this.#remote,
      role: options.role,
      canWork: options.canWork,
      refreshHead,
      onReleased: () => others.released(),
      observer,
    });
    for (const projection of projections) {
      const runner = this.#runnerOf(projection);
      runners.set(projection.name, runner);
      byKey.set(runner.name, runner);
    }
    this.#runners = runners;
    this.rebuilds = new RebuildCoordinator({
      ...options,
      db: options.leases,
      checkpoints: this.#checkpoints,
      leases: this.#leases,
      owner: this.#keeper.instanceId,
      head: this.head,
      windowMemory: this.#windowMemory,
      onSwapped: () => this.rowsChanged(),
    });
    this.head.onAdvance(() => this.#wakeAll());
    const running = () => [...runners.values()].filter(({ isRunning }) => isRunning);
    options.feed.addReader(() => Math.min(...running().map(({ position }) => position)));
  }

  /** Resolves when all projections that this instance owns are running. They may not have caught up. */
  async start(): Promise<void> {
    // An instance that runs no projections leaves creating checkpoints to those that do.
    const { role, projections } = this.#options;
    if (role !== 'off') await this.#checkpoints.register(projections.map(({ checkpoint }) => checkpoint));
    await this.#keeper.start();
    this.#catchUp.begin(this.head.position);
    this.#remote.start();
    await this.rebuilds.start(this.#options.role !== 'off');
  }

  /** This instance has committed events, which are already in the commit feed. */
  committed(events: readonly RecordedEvent[], position: number): void {
    this.#log.committed(position, events.at(-1));
  }

  /** Another instance may have committed. */
  async refreshHead(): Promise<void> {
    await this.#log.refreshHead();
  }

  /** Handles a notification of another instance. */
  onNotification({ head, recordedAt, moved, released }: Notification): void {
    this.head.advance(head, recordedAt > 0 ? new Date(recordedAt) : undefined);
    for (const [key, advance] of Object.entries(moved)) this.#remote.onAdvance(key, advance);
    if (released) this.#keeper.renewSoon();
  }

  /** Notifications may have been missed. */
  async missed(): Promise<void> {
    this.#keeper.renewSoon();
    await this.refreshHead();
  }

  /**
   * A connection has ended. Perhaps Postgres has crashed; batches are committed without waiting for the disk, so it may
   * have lost the last of them. Positions are unknown until the checkpoints have been read again: reads with a token
   * wait.
   */
  invalidate(): void {
    for (const name of this.positions.names) this.positions.retreat(name, 0);
    // Another server may have taken over, without the newest events.
    this.#options.feed.clear();
    this.#log.invalidate();
    this.#remote.invalidate();
    this.#keeper.renewSoon();
  }

  /** The state of a projection may have changed from outside: checks at once instead of at the next poll. */
  renewSoon(): void {
    this.#keeper.renewSoon();
  }

  /** Rows were changed by something else than a projection, which has raised the generation of its checkpoint: all instances look. */
  rowsChanged(): void {
    this.#keeper.renewSoon();
    this.#options.others.released();
  }

  /** True if this instance fills the table of a projection. */
  isRunning(projection: string): boolean {
    return this.#runners.get(projection)?.isRunning ?? false;
  }

  /** The status of every projection. */
  status(): ProjectionStatus[] {
    return this.#options.projections.map((projection) =>
      statusOf({
        projection,
        runner: this.#runners.get(projection.name) as ProjectionRunner,
        positions: this.positions,
        head: this.head,
        checkpoint: this.#remote.of(projection.checkpoint.key),
        waiting: this.#remote.waiting(projection.name),
        rebuild: this.rebuilds.status(projection),
        clock: this.#options.clock,
        catchUp: this.#catchUp,
      }),
    );
  }

  /** The current work of each projection, to detect stalls. */
  watched(): MonitoredWork[] {
    return this.#options.projections.map(({ name, table }) => ({
      what: name,
      inProgress: () => currentWorkOf(this.#runners.get(name)),
      isOf: worksOn(table),
    }));
  }

  /**
   * Compares a read model with a fold of the log, while everything else continues.
   * @throws {RebuildError} VERIFY_UNDER_WAY, REBUILD_REFUSED, VERIFY_FAILED
   */
  async verify(
    projection: Projection,
    options: Pick<VerifyParts, 'signal' | 'onProgress'> = {},
  ): Promise<Verification> {
    const pools = this.#options.openDedicated();
    try {
      return await verifyProjection({
        ...this.#options,
        ...options,
        pools,
        projection,
        windowMemory: this.#windowMemory,
        leases: this.#leases,
        owner: this.#keeper.instanceId,
      });
    } finally {
      await pools.close();
    }
  }

  /** Stops after the batches in progress, and releases the projections. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.rebuilds.stop();
    await this.#remote.stop();
    await this.#keeper.stop();
  }

  #runnerOf(projection: Projection): ProjectionRunner {
    const { db, log, feed, batchLimit, deadLetterLimit, observer, clock } = this.#options;
    return new ProjectionRunner({
      projection,
      table: new ProjectionTable(db, projection, this.#batcher),
      log,
      feed,
      head: this.head,
      onMoved: (moved) => this.#movedHere(moved),
      ...{ checkpoints: this.#checkpoints, idleMoves: this.#idleMoves, owner: this.#keeper.instanceId },
      batchLimit,
      deadLetterLimit,
      windowMemory: this.#windowMemory,
      costs: this.costs,
      fillTurns: () => (this.#catchUp.isDone(projection.name) ? undefined : this.#fillTurns),
      onFenced: () => this.renewSoon(),
      onAhead: (isAhead) => this.#aheadHere(projection, isAhead),
      observer,
      clock,
    });
  }

  #aheadHere({ name }: Projection, isAhead: boolean): void {
    this.positions.setEnd(name, isAhead ? this.#runners.get(name)?.position : undefined);
    if (isAhead) this.renewSoon();
  }

  #movedHere(moved: ProjectionMoved): void {
    const { projection, position: to, keys, lagMs, hasParked } = moved;
    const { name: key, generation } = this.#runners.get(projection) as ProjectionRunner;
    const from = Math.min(this.#lastPublished.get(projection) ?? to, to);
    this.#lastPublished.set(projection, to);
    this.#moved(moved);
    const { others } = this.#options;
    const rows = others.hasListeners ? { keys: keys && [...keys], former: this.#formerOf(moved) } : { keys: null };
    others.moved(key, { from, to, ...rows, lagMs, generation, hasParked });
  }

  #formerOf({ projection, keys, rows }: ProjectionMoved): FormerRows | undefined {
    const { fingerprints, projections } = this.#options;
    const model = projections.find(({ name }) => name === projection);
    // A read model that catches up changes more.
    if (!fingerprints || !model || !rows || !keys || keys.size > MAX_FORMER_ROWS) return undefined;
    return fingerprints.ofRows(model, rows.before.values());
  }

  #moved(moved: ProjectionMoved): void {
    if (moved.hasParked !== undefined) this.positions.setParked(moved.projection, moved.hasParked);
    this.positions.advance(moved.projection, moved.position);
    this.hub.publish(moved);
  }

  #wakeAll(): void {
    for (const runner of this.#runners.values()) runner.wake();
    this.rebuilds.wake();
  }
}
