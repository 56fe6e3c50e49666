import { Sleeper } from '../../scheduling/sleeper.ts';
import type { Positions } from '../consistency/positions.ts';
import type { CheckpointId } from '../define/checkpoint-id.ts';
import type { LogHead } from '../log/log-head.ts';
import type { ProjectionMoved } from '../notify/hub.ts';
import type { RemoteAdvance } from '../notify/notification-buffer.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import type { Checkpoint, Checkpoints, OldestWaiting } from './checkpoints.ts';
import { type Before, KnownCheckpoints } from './known-checkpoints.ts';

export interface RemoteCheckpointsParts {
  readonly checkpoints: Checkpoints;
  readonly projections: readonly { readonly name: string; readonly checkpoint: CheckpointId }[];
  /** By the names of projections. */
  readonly positions: Positions;
  readonly head: LogHead;
  /** True if this instance runs a projection itself. */
  readonly isRunning: (projection: string) => boolean;
  /** Queries the end of the log. */
  readonly refreshHead: () => Promise<void>;
  /** False while this instance gets no notifications from others. */
  readonly canListen: () => boolean;
  /** Called at each renewal of leases while there are checkpoints of shadows. */
  readonly onShadows?: (() => void) | undefined;
  /** Called with the advances of other instances. */
  readonly onMoved: (moved: ProjectionMoved) => void;
  readonly observer: EngineObserver;
}

/** Interval of reading the table while this instance gets no notifications from others, in ms. */
const DEAF_MS = 250;
/** The same while a caller waits for a projection that another instance runs. */
const AWAITED_MS = 25;

/** A notification that has not come so long after the table has shown its advance is lost, in ms. */
const LOST_MS = 100;

interface BeforePositions extends Before {
  readonly positions: ReadonlyMap<string, number>;
}

/**
 * Follows the projections that other instances run, by their notifications and by the table of checkpoints. The table
 * is read at each renewal of leases, and in between only if that is not often enough.
 */
export class RemoteCheckpoints extends KnownCheckpoints {
  readonly #parts: RemoteCheckpointsParts;
  /** Names of the projections, by the keys of their checkpoints. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #sleeper = new Sleeper();
  /** For each projection that was behind when the table was read, the first event that it had not applied. */
  #waiting: ReadonlyMap<string, OldestWaiting> = new Map();
  /** Positions in the table of which no notification has come, and since when. */
  readonly #unannounced = new Map<string, { readonly position: number; readonly since: number }>();
  #owned: ReadonlySet<string> = new Set();
  #all: readonly Checkpoint[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  /** Incremented when everything that was known became uncertain, including the results of queries in progress. */
  #invalidations = 0;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: RemoteCheckpointsParts) {
    super();
    this.#parts = parts;
    this.#names = new Map(parts.projections.map(({ name, checkpoint }) => [checkpoint.key, name]));
  }

  /** True if some projection is run by another instance, or by none. */
  get isFollowing(): boolean {
    return [...this.#names.keys()].some((key) => !this.#owned.has(key));
  }

  /** The first event that a projection had not applied when the table was read, if it was behind. */
  waiting(projection: string): OldestWaiting | undefined {
    return this.#waiting.get(projection);
  }

  start(): void {
    this.#running = this.#poll();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#sleeper.wake();
    await this.#running;
  }

  /** A caller waits, possibly for a projection that another instance runs. */
  awaited(): void {
    if (this.isFollowing) this.#sleeper.wake();
  }

  /** Makes everything that is known uncertain, including the results of queries in progress. */
  invalidate(): void {
    this.#invalidations++;
  }

  /**
   * Another instance reports that it has moved a projection that it runs.
   * @param of key of its checkpoint.
   */
  onAdvance(of: string, advance: RemoteAdvance): void {
    const { from, to, keys, former, lagMs, generation, hasParked } = advance;
    const { positions, isRunning, onMoved } = this.#parts;
    const projection = this.#names.get(of);
    if (projection === undefined || isRunning(projection)) return;
    if (this.of(of)?.generation !== generation) {
      // Either the table was changed from outside, so the position is read again, or this notification was sent before
      // that.
      this.#readAt = Number.NEGATIVE_INFINITY;
      this.#sleeper.wake();
      return;
    }
    const awaited = this.#unannounced.get(projection);
    if (awaited && to >= awaited.position) this.#unannounced.delete(projection);
    const here = positions.of(projection);
    if (to <= here) return;
    const rows = keys && here >= from ? { keys: new Set(keys), former } : { keys: null };
    onMoved({ projection, position: to, ...rows, lagMs, hasParked });
  }

  /**
   * Snapshot taken before the table is read. The result may be older than what we learn while it is read, but never
   * older than this.
   */
  override before(): BeforePositions {
    const { positions } = this.#parts;
    const invalidations = this.#invalidations;
    const isOutdated = () => invalidations !== this.#invalidations;
    this.#readAt = performance.now();
    return {
      positions: new Map(positions.names.map((name) => [name, positions.of(name)])),
      get isOutdated() {
        return isOutdated();
      },
    };
  }

  override starting({ key, deadLetters }: Checkpoint): void {
    this.#parts.positions.setParked(this.#nameOf(key), deadLetters > 0);
  }

  override started({ key, position }: Checkpoint): void {
    this.#parts.positions.advance(this.#nameOf(key), position);
  }

  override wentBack({ key, position }: Checkpoint): void {
    const projection = this.#nameOf(key);
    this.#parts.positions.retreat(projection, position);
    // Another session has changed the table: any row may be another one.
    this.#parts.onMoved({ projection, position, keys: null, lagMs: 0 });
  }

  #nameOf(key: string): string {
    const name = this.#names.get(key);
    if (name === undefined) throw new Error(`No projection has the checkpoint ${key}.`);
    return name;
  }

  override async seen(all: readonly Checkpoint[], owned: ReadonlySet<string>, before: BeforePositions): Promise<void> {
    const { checkpoints, positions, head } = this.#parts;
    this.#owned = owned;
    // This instance moves them itself from now on: no notification is to come.
    for (const key of owned) this.#unannounced.delete(this.#names.get(key) ?? '');
    for (const checkpoint of all) if (!owned.has(checkpoint.key)) this.#follow(checkpoint, before.positions);
    this.#all = all;
    await super.seen(all, owned, before);
    if (all.some(({ kind }) => kind === 'rebuild' || kind === 'verify')) this.#parts.onShadows?.();
    if (this.isFollowing || !this.#parts.canListen()) this.#sleeper.wake();
    const isBehind = positions.names.some((name) => positions.of(name) < head.position);
    const waiting = isBehind ? await checkpoints.oldestWaiting() : [];
    this.#waiting = new Map(waiting.map((oldest) => [this.#names.get(oldest.key) ?? '', oldest]));
  }

  /** Takes over the position that another instance has stored in a checkpoint. */
  #follow(
    { key, position, generation, deadLetters, failure, isAhead }: Checkpoint,
    before: ReadonlyMap<string, number>,
  ): void {
    const { positions, onMoved } = this.#parts;
    const name = this.#names.get(key);
    if (name === undefined) return;
    // If nothing is parked in this row, it may be older than a notification that something is.
    const isNewest = position >= positions.of(name);
    if (deadLetters > 0 || isNewest) positions.setParked(name, deadLetters > 0);
    // The projection starts again: its table lacks events that this instance has seen in it.
    if (position < (before.get(name) ?? 0)) positions.retreat(name, position);
    const known = this.of(key);
    const isOtherTable = known !== undefined && known.generation !== generation;
    positions.setEnd(name, isAhead && failure !== null && position >= positions.of(name) ? position : undefined);
    if (positions.of(name) >= position && !isOtherTable) this.#unannounced.delete(name);
    else if (isOtherTable || !this.#mayBeAnnounced(name, position)) {
      onMoved({ projection: name, position, keys: null, lagMs: 0 });
    }
  }

  /**
   * True if the notification of an advance may still be on its way. Unlike the table, it names the rows that changed.
   */
  #mayBeAnnounced(name: string, position: number): boolean {
    const { positions, canListen } = this.#parts;
    const now = performance.now();
    const before = this.#unannounced.get(name);
    const isSame = before !== undefined && positions.of(name) < before.position;
    if (!canListen() || (isSame && now - before.since >= LOST_MS)) {
      this.#unannounced.delete(name);
      return false;
    }
    if (!isSame) this.#unannounced.set(name, { position, since: now });
    this.#sleeper.wake();
    return true;
  }

  /** Reads the table while leases are renewed too seldom for the callers that wait. */
  async #poll(): Promise<void> {
    const { positions, isRunning, canListen, refreshHead, observer } = this.#parts;
    while (!this.#isStopped) {
      const isAwaited =
        this.#unannounced.size > 0 || positions.names.some((name) => !isRunning(name) && positions.isAwaited(name));
      const isDeaf = !canListen();
      const sinceRead = performance.now() - this.#readAt;
      if (sinceRead >= (isAwaited ? AWAITED_MS : isDeaf ? DEAF_MS : Number.POSITIVE_INFINITY)) {
        if (isDeaf) void refreshHead();
        await this.#read().catch((error) => observer.tell('faultMet', { error, context: { part: 'projector' } }));
      }
      // Whoever begins to wait wakes it. So does each renewal of leases while there is something to follow.
      await this.#sleeper.sleep(isAwaited ? AWAITED_MS : isDeaf ? DEAF_MS : undefined);
    }
  }

  async #read(): Promise<void> {
    const before = this.before();
    const all = await this.#parts.checkpoints.all();
    if (this.#isStopped || before.isOutdated) return;
    // This instance knows its own checkpoints better than the table. Leases decide which ones these are.
    const own = this.#all.filter(({ key }) => this.#owned.has(key));
    const others = all.filter(({ key }) => !this.#owned.has(key));
    for (const checkpoint of others) this.#follow(checkpoint, before.positions);
    this.#all = [...own, ...others];
    await super.seen(this.#all, this.#owned, before);
  }
}
