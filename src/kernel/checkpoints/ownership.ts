import type { Positions } from '../consistency/positions.ts';
import type { LogHead } from '../log/log-head.ts';
import type { ProjectionMoved } from '../notify/hub.ts';
import type { Move } from '../notify/news.ts';
import type { Consumer } from './checkpoint-id.ts';
import type { Checkpoint, Checkpoints, LeasedCheckpoint, OldestWaiting } from './checkpoints.ts';
import { newOwner } from './instance-id.ts';
import type { ProjectorPart } from './lease-statement.ts';

/** Something that moves along the log on a checkpoint, where this instance owns that. */
export interface Owned {
  readonly name: string;
  /** Everything up to here is done, as far as this instance knows. */
  readonly position: number;
  /** The checkpoint's when it began. */
  readonly generation: number;
  readonly isRunning: boolean;
  start(checkpoint: Checkpoint): void;
  /** Ends after what is under way. */
  stop(): Promise<void>;
}

export interface OwnershipParts {
  readonly checkpoints: Checkpoints;
  readonly consumers: readonly Consumer[];
  readonly runners: ReadonlyMap<string, Owned>;
  readonly positions: Positions;
  readonly head: LogHead;
  /** What this instance has to do with projections; its share of them unless told. */
  readonly part?: ProjectorPart | undefined;
  /** False if the connections that the work is done on do not answer: then another instance should have it. */
  readonly canWork?: (() => boolean) | undefined;
  /** Looks where the log ends. */
  readonly look: () => Promise<void>;
  /** Told of what other instances have done. */
  readonly onMoved: (moved: ProjectionMoved) => void;
  /** Told when something that this instance had is free for others. */
  readonly onReleased: () => void;
  /** True where other instances cannot tell this one what they do. */
  readonly isDeaf: () => boolean;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** How often leases are renewed and the log and other owners are looked at, in ms: wake-ups only make it sooner. */
const TICK_MS = 1000;
/** How often others are looked at where they cannot send wake-ups, in ms. */
const DEAF_TICK_MS = 250;
/** The same where somebody waits for a projection that another instance moves. */
const AWAITED_TICK_MS = 25;

/** Sees to it that the projections that this instance owns run here, and follows those of others by their checkpoints. */
export class Ownership {
  /** This instance, as the leases name it. */
  readonly owner: string;
  readonly #parts: OwnershipParts;
  readonly #part: ProjectorPart;
  #known: ReadonlyMap<string, Checkpoint> = new Map();
  /** What each projection that was behind at the last look has not applied for the longest time. */
  #waiting: ReadonlyMap<string, OldestWaiting> = new Map();
  #ours: ReadonlySet<string> = new Set();
  /** Projections that are being stopped. A batch may take long; leases and the others go on meanwhile. */
  readonly #stopping = new Map<string, Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<unknown> | undefined;
  #looking: Promise<void> | undefined;
  #lastTick = Number.NEGATIVE_INFINITY;
  #lastLook = Number.NEGATIVE_INFINITY;
  /** Raised when what is known may not be true any more: also the answer to a question that is under way. */
  #doubts = 0;
  #stopped = false;

  constructor(parts: OwnershipParts, owner: string = newOwner()) {
    this.#parts = parts;
    this.#part = parts.part ?? 'on';
    this.owner = owner;
  }

  /** A checkpoint as it was at the last look. */
  checkpoint(projection: string): Checkpoint | undefined {
    return this.#known.get(projection);
  }

  /** Of a projection that was behind at the last look what it had not applied for the longest time. */
  waiting(projection: string): OldestWaiting | undefined {
    return this.#waiting.get(projection);
  }

  /** Some projection is another instance's. */
  get isFollowing(): boolean {
    return this.#ours.size < this.#parts.runners.size;
  }

  /** Resolves when each projection that is ours runs. */
  async start(): Promise<void> {
    this.#ticking = this.#tick();
    await this.#ticking;
    await this.#looking;
    this.#schedule();
  }

  /** Something is free, or what is known may be out of date: looks again at once. */
  hurry(): void {
    this.#lastTick = Number.NEGATIVE_INFINITY;
  }

  /** Nothing that is known is certain any more, nor is an answer that is on its way. */
  doubt(): void {
    this.#doubts++;
    this.hurry();
  }

  /** The owner of a projection says that it has moved it. */
  heard(projection: string, move: Move): void {
    const { from, to, keys, lagMs, generation, hasParked } = move;
    const { positions, runners, onMoved } = this.#parts;
    if (!positions.has(projection) || runners.get(projection)?.isRunning) return;
    if (this.#known.get(projection)?.generation !== generation) {
      // The table was changed from outside: where it stands is looked up. Or the news is of the time before that.
      this.#lastLook = Number.NEGATIVE_INFINITY;
      return;
    }
    const here = positions.of(projection);
    if (to <= here) return;
    onMoved({ projection, position: to, keys: keys && here >= from ? new Set(keys) : null, lagMs, hasParked });
  }

  /** Ends after the batches under way and gives the projections up for others. */
  async stop(): Promise<void> {
    const { checkpoints, runners, onReleased, onError } = this.#parts;
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#ticking?.catch(() => undefined);
    // One that cannot be stopped keeps no other from being free for others.
    const stopped = await Promise.allSettled([...runners.values()].map((runner) => runner.stop()));
    for (const end of stopped) if (end.status === 'rejected') onError(end.reason, { part: 'lease' });
    await Promise.all(this.#stopping.values());
    if (this.#part === 'off') return;
    await checkpoints.release(this.owner).then(onReleased, (error) => onError(error, { part: 'lease' }));
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#ticking = this.#tickWhereDue()?.catch((error) => this.#parts.onError(error, { part: 'projector' }));
      (this.#ticking ?? Promise.resolve()).finally(() => this.#schedule());
    }, AWAITED_TICK_MS);
  }

  #tickWhereDue(): Promise<unknown> | undefined {
    const { positions, runners, isDeaf } = this.#parts;
    const now = performance.now();
    if (now - this.#lastTick >= TICK_MS) return this.#tick();
    const isAwaited = positions.names.some((name) => !runners.get(name)?.isRunning && positions.isAwaited(name));
    const sinceLook = now - this.#lastLook;
    if (sinceLook >= DEAF_TICK_MS && isDeaf()) {
      this.#lookAtLog();
      return this.#look();
    }
    return sinceLook >= (isAwaited ? AWAITED_TICK_MS : TICK_MS) ? this.#look() : undefined;
  }

  /** Leases, and starts and stops what has come and gone. */
  async #tick(): Promise<void> {
    if (this.#stopped) return;
    const { checkpoints, positions, head } = this.#parts;
    this.#lastTick = this.#lastLook = performance.now();
    const before = this.#before();
    this.#lookAtLog();
    const all = await this.#lease();
    if (this.#stopped || before.doubts !== this.#doubts) return;
    const ours = all.filter(({ isOurs }) => isOurs);
    this.#ours = new Set(ours.map(({ key }) => key));
    for (const checkpoint of ours) this.#startAt(checkpoint, before.runners.get(checkpoint.key) ?? 0);
    this.#follow(all, before.positions);
    this.#known = new Map(all.map((checkpoint) => [checkpoint.key, checkpoint]));
    this.#giveUp(ours);
    const behind = positions.names.some((name) => positions.of(name) < head.position);
    const waiting = behind ? await checkpoints.oldestWaiting() : [];
    this.#waiting = new Map(waiting.map((oldest) => [oldest.key, oldest]));
  }

  /** Looks where the log ends. Nobody waits for it, and where it takes long it is not asked again meanwhile. */
  #lookAtLog(): void {
    const { look, onError } = this.#parts;
    this.#looking ??= look()
      .catch((error) => onError(error, { part: 'projector' }))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Looks how far others are. */
  async #look(): Promise<void> {
    this.#lastLook = performance.now();
    const before = this.#before();
    const all = await this.#parts.checkpoints.all();
    if (this.#stopped || before.doubts !== this.#doubts) return;
    this.#follow(all, before.positions);
    const others = all.filter(({ key }) => !this.#ours.has(key));
    this.#known = new Map([...this.#known, ...others.map((checkpoint) => [checkpoint.key, checkpoint] as const)]);
  }

  /** What is known before the database is asked: its answer can be behind what is learnt meanwhile, not behind this. */
  #before() {
    const { runners, positions } = this.#parts;
    return {
      doubts: this.#doubts,
      runners: new Map([...runners].map(([name, { position }]) => [name, position])),
      positions: new Map(positions.names.map((name) => [name, positions.of(name)])),
    };
  }

  async #lease(): Promise<LeasedCheckpoint[]> {
    const { checkpoints, consumers } = this.#parts;
    const part = this.#part;
    // A lease is a promise to do the work, so that it is not renewed by somebody who cannot.
    if (part === 'off' || this.#parts.canWork?.() === false) {
      return (await checkpoints.all()).map((checkpoint) => ({ ...checkpoint, isOurs: false, isWanted: false }));
    }
    const all = await checkpoints.lease(this.owner, consumers, part);
    return (await checkpoints.releaseDead(all)) ? checkpoints.lease(this.owner, consumers, part) : all;
  }

  /** @param before where this instance believed the projection to be when it asked. */
  #startAt(checkpoint: Checkpoint, before: number): void {
    const { runners, positions } = this.#parts;
    const { key: name, position, generation } = checkpoint;
    const runner = runners.get(name);
    if (!runner || this.#stopping.has(name)) return;
    if (runner.isRunning && (position < before || generation !== runner.generation)) {
      positions.retreat(name, position);
      this.#end(runner, () => this.hurry());
      return;
    }
    if (!runner.isRunning) positions.setParked(name, checkpoint.deadLetters > 0);
    runner.start(checkpoint);
    positions.advance(name, position);
  }

  /** Takes over from the checkpoints what other instances have done. */
  #follow(all: readonly Checkpoint[], before: ReadonlyMap<string, number>): void {
    const { runners, positions, onMoved } = this.#parts;
    for (const { key: projection, position, generation, deadLetters } of all) {
      if (this.#ours.has(projection) || !positions.has(projection)) continue;
      const runner = runners.get(projection);
      if (runner?.isRunning) this.#end(runner);
      // That nothing is parked may have been read before what was told since.
      const isNewest = position >= positions.of(projection);
      if (deadLetters > 0 || isNewest) positions.setParked(projection, deadLetters > 0);
      // It begins again: its table does not hold what this instance has seen in it.
      if (position < (before.get(projection) ?? 0)) positions.retreat(projection, position);
      const known = this.#known.get(projection);
      const isOtherTable = known !== undefined && known.generation !== generation;
      if (positions.of(projection) < position || isOtherTable) onMoved({ projection, position, keys: null, lagMs: 0 });
    }
  }

  /** Leaves to others what they should have: one projection at a time, or as a spare all. */
  #giveUp(ours: readonly LeasedCheckpoint[]): void {
    const { checkpoints, runners, onReleased } = this.#parts;
    if (this.#stopping.size > 0) return;
    // The furthest has the least to do, and to read again elsewhere.
    const wanted = ours.filter(({ isWanted }) => isWanted).sort((a, b) => b.position - a.position);
    for (const { key } of this.#part === 'spare' ? wanted : wanted.slice(0, 1)) {
      const runner = runners.get(key);
      if (runner) this.#end(runner, () => checkpoints.give(this.owner, key).then(onReleased));
    }
  }

  /** Ends a runner after its batch, and then does what comes after that. */
  #end(runner: Owned, after: () => unknown = () => {}): void {
    const { name } = runner;
    if (this.#stopping.has(name)) return;
    const ended = runner
      .stop()
      .then(after)
      .catch((error) => this.#parts.onError(error, { part: 'lease', projection: name }))
      .finally(() => this.#stopping.delete(name));
    this.#stopping.set(name, ended);
  }
}
