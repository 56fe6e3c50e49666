import { randomUUID } from 'node:crypto';
import type { Positions } from '../consistency/positions.ts';
import type { Projection } from '../define/projection.ts';
import type { ProjectionMoved } from '../notify/hub.ts';
import type { Checkpoint, Checkpoints, OldestWaiting } from './checkpoints.ts';
import type { LogHead } from './log-head.ts';
import type { ProjectionRunner } from './runner.ts';

export interface OwnershipParts {
  readonly checkpoints: Checkpoints;
  readonly projections: readonly Projection[];
  readonly runners: ReadonlyMap<string, ProjectionRunner>;
  readonly positions: Positions;
  readonly head: LogHead;
  /** Looks where the log ends. */
  readonly look: () => Promise<void>;
  /** Told of what other instances have done. */
  readonly onMoved: (moved: ProjectionMoved) => void;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** How often leases are renewed and the log and other owners are looked at, in ms: wake-ups only make it sooner. */
const TICK_MS = 1000;
/** The same where somebody waits for a projection that another instance moves. */
const AWAITED_TICK_MS = 25;

/** Sees to it that the projections that this instance owns run here, and follows those of others by their checkpoints. */
export class Ownership {
  /** This instance, as the leases name it. */
  readonly owner: string;
  readonly #parts: OwnershipParts;
  #known: ReadonlyMap<string, Checkpoint> = new Map();
  /** What each projection that was behind at the last look has not applied for the longest time. */
  #waiting: ReadonlyMap<string, OldestWaiting> = new Map();
  #ours: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #lastTick = 0;
  #stopped = false;

  constructor(parts: OwnershipParts, owner: string = randomUUID()) {
    this.#parts = parts;
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
    await this.#parts.checkpoints.releaseDead();
    this.#ticking = this.#tick();
    await this.#ticking;
    this.#schedule();
  }

  /** What is known may be out of date: looks again at once. */
  hurry(): void {
    this.#lastTick = 0;
  }

  /** Ends after the batches under way and gives the projections up for others. */
  async stop(): Promise<void> {
    const { checkpoints, runners, onError } = this.#parts;
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#ticking?.catch(() => undefined);
    await Promise.all([...runners.values()].map((runner) => runner.stop()));
    await checkpoints.release(this.owner).catch((error) => onError(error, { part: 'lease' }));
  }

  #schedule(): void {
    if (this.#stopped) return;
    const { runners, positions, onError } = this.#parts;
    this.#timer = setTimeout(() => {
      const awaited = [...runners.values()].some((runner) => !runner.isRunning && positions.isAwaited(runner.name));
      const due = Date.now() - this.#lastTick >= (awaited ? AWAITED_TICK_MS : TICK_MS);
      this.#ticking = due ? this.#tick().catch((error) => onError(error, { part: 'projector' })) : undefined;
      (this.#ticking ?? Promise.resolve()).finally(() => this.#schedule());
    }, AWAITED_TICK_MS);
  }

  async #tick(): Promise<void> {
    if (this.#stopped) return;
    const { checkpoints, projections, runners, positions, head, look } = this.#parts;
    this.#lastTick = Date.now();
    if (this.isFollowing) await checkpoints.releaseDead();
    const before = new Map([...runners].map(([name, { position }]) => [name, position]));
    const [owned] = await Promise.all([checkpoints.lease(this.owner, projections), look()]);
    if (this.#stopped) return;
    this.#ours = new Set(owned.map(({ projection }) => projection));
    await Promise.all(owned.map((checkpoint) => this.#startAt(checkpoint, before.get(checkpoint.projection) ?? 0)));
    const others = this.isFollowing ? await this.#follow() : [];
    this.#known = new Map([...others, ...owned].map((checkpoint) => [checkpoint.projection, checkpoint]));
    const behind = positions.names.some((name) => positions.of(name) < head.position);
    const waiting = behind ? await checkpoints.oldestWaiting() : [];
    this.#waiting = new Map(waiting.map((oldest) => [oldest.projection, oldest]));
  }

  /** @param before where this instance believed the projection to be when it asked. */
  async #startAt(checkpoint: Checkpoint, before: number): Promise<void> {
    const { runners, positions } = this.#parts;
    const { projection: name, position, generation } = checkpoint;
    const runner = runners.get(name);
    if (runner?.isRunning && (position < before || generation !== runner.generation)) {
      await runner.stop();
      positions.retreat(name, position);
    }
    if (this.#stopped) return;
    runner?.start(checkpoint);
    positions.advance(name, position);
  }

  /** Takes over from the checkpoints what other instances have done. */
  async #follow(): Promise<Checkpoint[]> {
    const { checkpoints, runners, positions, onMoved } = this.#parts;
    const others = (await checkpoints.all()).filter(({ projection }) => !this.#ours.has(projection));
    for (const { projection, position } of others) {
      if (!positions.has(projection)) continue;
      await runners.get(projection)?.stop();
      // It begins again: its table does not hold what this instance has seen in it.
      if (positions.of(projection) > position) positions.retreat(projection, position);
      if (positions.of(projection) >= position) continue;
      onMoved({ projection, position, keys: null, lagMs: 0 });
    }
    return others;
  }
}
