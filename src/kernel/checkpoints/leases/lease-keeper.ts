import { pause, Sleeper } from '../../../scheduling/sleeper.ts';
import type { CheckpointId } from '../../define/checkpoint-id.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { Checkpoint, Checkpoints } from '../checkpoints.ts';
import type { KnownCheckpoints } from '../known-checkpoints.ts';
import type { ProjectorRole } from './choose-leases.ts';
import { newInstanceId } from './instance-id.ts';
import { RENEW_MS } from './lease-statements.ts';
import type { LeasedCheckpoint, Leases } from './leases.ts';

/** Works from a checkpoint while this instance owns it. */
export interface Runner {
  /** Key of the checkpoint. */
  readonly name: string;
  /** Everything up to this position is done, as far as this instance knows. */
  readonly position: number;
  /** The generation of the checkpoint at the start. */
  readonly generation: number;
  readonly isRunning: boolean;
  /** It can go on only with newer code: it is left to any instance that is able to own it. */
  readonly isAhead: boolean;
  start(checkpoint: Checkpoint): void;
  /** Resolves after the work in progress. */
  stop(): Promise<void>;
}

export interface LeaseKeeperParts {
  readonly leases: Leases;
  readonly checkpoints: Checkpoints;
  readonly consumers: readonly CheckpointId[];
  /** Other keys that this instance announces to use; none by default. */
  readonly uses?: readonly string[] | undefined;
  /** The runners by the keys of their checkpoints. */
  readonly runners: ReadonlyMap<string, Runner>;
  readonly known: KnownCheckpoints;
  /** Default: active. */
  readonly role?: ProjectorRole | undefined;
  /** False if the connections for the work do not answer. Then another instance should do it. */
  readonly canWork?: (() => boolean) | undefined;
  /**
   * Queries the end of the log, or joins a query in progress. Called at each renewal, which does not wait for it. Undefined if another
   * keeper of this process does so.
   */
  readonly refreshHead?: (() => Promise<void>) | undefined;
  /**
   * Called at a renewal for each consumer that has no checkpoint: it was deleted, or could not be created yet. Creates it, and joins
   * the call in progress if there is one. Unless given, a lost checkpoint stays lost.
   */
  readonly onMissing?: ((key: string) => Promise<void>) | undefined;
  /** Called after a lease of this instance was released, so that other instances can take it. */
  readonly onReleased: () => void;
  readonly observer: EngineObserver;
}

/** Requests for a renewal within this time share one, in ms. */
const SOON_MS = 10;

/** Keeps this instance's leases, and runs the consumers that it owns. */
export class LeaseKeeper {
  /** The id of this instance in the leases. */
  readonly instanceId: string;
  readonly #parts: LeaseKeeperParts;
  readonly #role: ProjectorRole;
  /** Runners that are being stopped. Their leases are kept meanwhile, because a batch may take long. */
  readonly #ending = new Map<string, Promise<unknown>>();
  readonly #stopping = new AbortController();
  readonly #sleeper = new Sleeper(this.#stopping.signal);
  #running: Promise<void> | undefined;

  constructor(parts: LeaseKeeperParts, instanceId: string = newInstanceId()) {
    this.#parts = parts;
    this.#role = parts.role ?? 'active';
    this.instanceId = instanceId;
  }

  /** Resolves when every consumer that this instance owns is running. */
  async start(): Promise<void> {
    const first = this.#renew();
    this.#running = first.catch(() => undefined).then(() => this.#keep());
    await first;
    await this.#parts.refreshHead?.();
  }

  /** Renews the leases soon, because a checkpoint is free or the known state may be outdated. */
  renewSoon(): void {
    this.#sleeper.wake();
  }

  /** Stops after the batches in progress, and gives up all leases. */
  async stop(): Promise<void> {
    const { leases, runners, onReleased, observer } = this.#parts;
    this.#stopping.abort();
    await this.#running;
    // If one runner cannot be stopped, the leases of the others are released nevertheless.
    const stopped = await Promise.allSettled([...runners.values()].map((runner) => runner.stop()));
    for (const end of stopped)
      if (end.status === 'rejected') observer.tell('faultMet', { error: end.reason, context: { part: 'lease' } });
    await Promise.all(this.#ending.values());
    await leases
      .release(this.instanceId)
      .then(onReleased, (error) => observer.tell('faultMet', { error, context: { part: 'lease' } }));
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (await this.#sleeper.sleep(RENEW_MS)) await pause(SOON_MS, signal);
      if (!signal.aborted)
        await this.#renew().catch((error) =>
          this.#parts.observer.tell('faultMet', { error, context: { part: 'projector' } }),
        );
    }
  }

  /** Renews leases, starts runners for new ones, and stops the runners of lost ones. */
  async #renew(): Promise<void> {
    const { runners, known } = this.#parts;
    const before = known.before();
    const positions = new Map([...runners].map(([key, { position }]) => [key, position]));
    void this.#parts.refreshHead?.();
    const all = await this.#lease();
    if (this.#stopping.signal.aborted) return;
    this.#replaceMissing(all);
    if (before.isOutdated) return;
    const own = all.filter(({ isOurs }) => isOurs);
    const owned = new Set(own.map(({ key }) => key));
    for (const checkpoint of own) this.#run(checkpoint, positions.get(checkpoint.key) ?? 0);
    for (const [key, runner] of runners) if (runner.isRunning && !owned.has(key)) this.#end(runner);
    const seen = known.seen(all, owned, before);
    this.#giveUp(own);
    await seen;
  }

  /** Does not wait: finding the position of a new checkpoint may require reading the whole log. */
  #replaceMissing(all: readonly LeasedCheckpoint[]): void {
    const { consumers, onMissing, observer } = this.#parts;
    if (!onMissing || this.#role === 'off') return;
    const present = new Set(all.map(({ key }) => key));
    for (const { key } of consumers) {
      if (present.has(key)) continue;
      onMissing(key).then(
        () => this.renewSoon(),
        (error) => observer.tell('faultMet', { error, context: { part: 'lease', checkpoint: key } }),
      );
    }
  }

  async #lease(): Promise<LeasedCheckpoint[]> {
    const { leases, checkpoints, consumers, uses, canWork } = this.#parts;
    const role = this.#role;
    // A lease is a promise to do the work. An instance that cannot work does not renew its leases.
    if (role === 'off' || canWork?.() === false) {
      await leases.announce(this.instanceId, consumers, uses);
      return (await checkpoints.all()).map((checkpoint) => ({ ...checkpoint, isOurs: false, isWanted: false }));
    }
    const reluctant = new Set([...this.#parts.runners].flatMap(([key, { isAhead }]) => (isAhead ? [key] : [])));
    const lease = () => leases.lease(this.instanceId, consumers, { role, uses, reluctant });
    const all = await lease();
    return (await leases.releaseDead(all)) ? lease() : all;
  }

  /** @param before the position of this instance's runner before the query. */
  #run(checkpoint: Checkpoint, before: number): void {
    const { runners, known } = this.#parts;
    const { key, position, generation } = checkpoint;
    const runner = runners.get(key);
    if (!runner || this.#ending.has(key)) return;
    if (runner.isRunning && (position < before || generation !== runner.generation)) {
      known.wentBack(checkpoint);
      this.#end(runner, () => this.renewSoon());
      return;
    }
    if (!runner.isRunning) known.starting(checkpoint);
    runner.start(checkpoint);
    known.started(checkpoint);
  }

  /** Gives up the checkpoints that other instances should own. */
  #giveUp(own: readonly LeasedCheckpoint[]): void {
    const { leases, runners, onReleased } = this.#parts;
    if (this.#ending.size > 0) return;
    for (const { key, isWanted } of own) {
      const runner = isWanted ? runners.get(key) : undefined;
      if (runner) this.#end(runner, () => leases.give(this.instanceId, key).then(onReleased));
    }
  }

  /** Stops a runner after its batch, and then calls `after`. */
  #end(runner: Runner, after: () => unknown = () => {}): void {
    const { name } = runner;
    if (this.#ending.has(name)) return;
    const ended = runner
      .stop()
      .then(after)
      .catch((error) => this.#parts.observer.tell('faultMet', { error, context: { part: 'lease', projection: name } }))
      .finally(() => this.#ending.delete(name));
    this.#ending.set(name, ended);
  }
}
