import { randomUUID } from 'node:crypto';
import type { Database } from '../../database/client.ts';
import { Positions } from '../consistency/positions.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { Projection } from '../define/projection.ts';
import { Hub } from '../notify/hub.ts';
import type { EventLog } from '../write/event-log.ts';
import { type Checkpoint, Checkpoints, type OldestWaiting } from './checkpoints.ts';
import { CommitFeed } from './commit-feed.ts';
import { LogHead } from './log-head.ts';
import { ProjectionTable } from './projection-table.ts';
import { ProjectionRunner } from './runner.ts';

export type ProjectionState = 'RUNNING' | 'REBUILDING' | 'STALLED' | 'STOPPED';

export interface ProjectionStatus {
  readonly name: string;
  readonly state: ProjectionState;
  readonly position: number;
  readonly head: number;
  /** Events behind the head. */
  readonly lag: number;
  /** How long the oldest of them has waited. */
  readonly lagMs: number;
  /** Events that were put aside because they could not be applied. None is yet: a projection stalls at the first. */
  readonly deadLetters: number;
  /** Why it is stalled, for operators. */
  readonly failure: string | null;
}

export interface ProjectorOptions {
  readonly db: Database;
  /** Reads the log with the projector's role. */
  readonly log: EventLog;
  readonly projections: readonly Projection[];
  readonly batchLimit: number;
  /** Waits for read models at one time. */
  readonly maxWaiters: number;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** How often leases are renewed and the log and other owners are looked at, in ms: wake-ups only make it sooner. */
const TICK_MS = 1000;
/** The same where somebody waits for a projection that another instance moves. */
const AWAITED_TICK_MS = 25;

/** Owns this instance's projections and follows those of others; what it knows of each is in `positions`. */
export class Projector {
  readonly positions: Positions;
  readonly hub: Hub;
  readonly head = new LogHead();
  readonly #options: ProjectorOptions;
  readonly #feed = new CommitFeed(20_000);
  readonly #checkpoints: Checkpoints;
  readonly #runners: ReadonlyMap<string, ProjectionRunner>;
  readonly #owner = randomUUID();
  /** Positions that projections which begin again have to reach before they are whole. */
  readonly #rebuilding = new Map<string, number>();
  /** What other owners said of the projections that are not ours. */
  #others: ReadonlyMap<string, Checkpoint> = new Map();
  /** What each projection that was behind at the last look has not applied for the longest time. */
  #waiting: ReadonlyMap<string, OldestWaiting> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #lastTick = 0;
  #stopped = false;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    const { db, log, projections, batchLimit, onError } = options;
    this.positions = new Positions(
      projections.map(({ name }) => name),
      options.maxWaiters,
    );
    this.hub = new Hub((error) => onError(error, { part: 'hub' }));
    this.#checkpoints = new Checkpoints(db);
    this.#runners = new Map(
      projections.map((projection) => [
        projection.name,
        new ProjectionRunner({
          projection,
          table: new ProjectionTable(db, projection),
          log,
          feed: this.#feed,
          head: this.head,
          positions: this.positions,
          hub: this.hub,
          checkpoints: this.#checkpoints,
          owner: this.#owner,
          batchLimit,
          onError,
        }),
      ]),
    );
  }

  /** Takes up the projections. Resolves when each that is ours runs; they need not have caught up. */
  async start(): Promise<void> {
    const restarted = await this.#checkpoints.register(this.#options.projections);
    await this.#checkpoints.releaseDead();
    this.#ticking = this.#tick();
    await this.#ticking;
    for (const name of restarted) this.#rebuilding.set(name, this.head.position);
    this.#schedule();
  }

  /** This instance has committed: its projections are fed without reading the log. */
  committed(events: readonly RecordedEvent[], position: number): void {
    this.#feed.push(events);
    const runners = [...this.#runners.values()].filter(({ isRunning }) => isRunning);
    this.#feed.forget(Math.min(...runners.map(({ position }) => position)));
    if (this.head.advance(position, events.at(-1)?.recordedAt)) this.#wakeAll();
  }

  /** Somebody else may have committed. */
  async look(): Promise<void> {
    const { position, recordedAt } = await this.#options.log.head();
    if (!this.head.advance(position, recordedAt)) return;
    this.#wakeAll();
    // Whoever moves the others' projections has been woken too.
    if (this.#others.size > 0) this.#lastTick = 0;
  }

  /**
   * A connection has ended; it may be that Postgres has crashed. Batches are committed without waiting for the disk, so it
   * may have lost the last of them. Nothing is known until it says where the projections stand: reads with a token wait.
   */
  doubt(): void {
    for (const name of this.positions.names) this.positions.retreat(name, 0);
    this.#lastTick = 0;
  }

  /** Where every projection stands. */
  status(): ProjectionStatus[] {
    return [...this.#runners.values()].map((runner) => {
      const { name, isRunning } = runner;
      const position = this.positions.of(name);
      const other = this.#others.get(name);
      const failure = isRunning ? runner.failure : (other?.failure ?? null);
      const head = Math.max(this.head.position, position);
      const lag = head - position;
      const lagMs = lag === 0 ? 0 : this.#waitedMs(runner, position);
      return {
        name,
        state: this.#stateOf(name, isRunning || other?.owner != null, failure),
        position,
        head,
        lag,
        lagMs,
        deadLetters: 0,
        failure,
      };
    });
  }

  /** Ends after the batches under way and gives the projections up for others. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#ticking?.catch(() => undefined);
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
    await this.#checkpoints.release(this.#owner).catch((error) => this.#options.onError(error, { part: 'lease' }));
  }

  /** How long the oldest event that a projection has not applied has waited. */
  #waitedMs(runner: ProjectionRunner, position: number): number {
    const known = this.#waiting.get(runner.name);
    const recordedAt =
      (runner.isRunning ? runner.oldestWaiting : undefined) ??
      (known?.position === position ? known.recordedAt : this.head.recordedAt);
    return recordedAt ? Math.max(0, Date.now() - recordedAt.getTime()) : 0;
  }

  #stateOf(name: string, moved: boolean, failure: string | null): ProjectionState {
    if (failure !== null) return 'STALLED';
    if (!moved) return 'STOPPED';
    const target = this.#rebuilding.get(name);
    if (target === undefined) return 'RUNNING';
    if (this.positions.of(name) < target) return 'REBUILDING';
    this.#rebuilding.delete(name);
    return 'RUNNING';
  }

  #wakeAll(): void {
    for (const runner of this.#runners.values()) runner.wake();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      const awaited = [...this.#runners.values()].some(
        (runner) => !runner.isRunning && this.positions.isAwaited(runner.name),
      );
      const due = Date.now() - this.#lastTick >= (awaited ? AWAITED_TICK_MS : TICK_MS);
      this.#ticking = due
        ? this.#tick().catch((error) => this.#options.onError(error, { part: 'projector' }))
        : undefined;
      (this.#ticking ?? Promise.resolve()).finally(() => this.#schedule());
    }, AWAITED_TICK_MS);
  }

  async #tick(): Promise<void> {
    if (this.#stopped) return;
    this.#lastTick = Date.now();
    if (this.#others.size > 0) await this.#checkpoints.releaseDead();
    const before = new Map([...this.#runners].map(([name, { position }]) => [name, position]));
    const [owned] = await Promise.all([this.#checkpoints.lease(this.#owner, this.#options.projections), this.look()]);
    if (this.#stopped) return;
    const ours = new Set(owned.map(({ projection }) => projection));
    await Promise.all(owned.map((checkpoint) => this.#startAt(checkpoint, before.get(checkpoint.projection) ?? 0)));
    if (ours.size < this.#runners.size) await this.#follow(ours);
    else this.#others = new Map();
    const behind = this.positions.names.some((name) => this.positions.of(name) < this.head.position);
    const waiting = behind ? await this.#checkpoints.oldestWaiting() : [];
    this.#waiting = new Map(waiting.map((oldest) => [oldest.projection, oldest]));
  }

  /** @param before where this instance believed the projection to be when it asked. */
  async #startAt(checkpoint: Checkpoint, before: number): Promise<void> {
    const { projection: name, position } = checkpoint;
    const runner = this.#runners.get(name);
    if (runner?.isRunning && position < before) {
      await runner.stop();
      this.positions.retreat(name, position);
    }
    if (this.#stopped) return;
    runner?.start(checkpoint);
    this.positions.advance(name, position);
  }

  /** Takes over from the checkpoints what other instances have done. */
  async #follow(ours: ReadonlySet<string>): Promise<void> {
    const others = (await this.#checkpoints.all()).filter(({ projection }) => !ours.has(projection));
    this.#others = new Map(others.map((checkpoint) => [checkpoint.projection, checkpoint]));
    for (const { projection, position } of others) {
      if (!this.positions.has(projection)) continue;
      await this.#runners.get(projection)?.stop();
      // It begins again: its table does not hold what this instance has seen in it.
      if (this.positions.of(projection) > position) this.positions.retreat(projection, position);
      if (this.positions.of(projection) >= position) continue;
      this.positions.advance(projection, position);
      this.hub.publish({ projection, position, keys: null, lagMs: 0 });
    }
  }
}
