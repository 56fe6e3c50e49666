import type { Database } from '../../database/client.ts';
import { singleFlight } from '../../scheduling/single-flight.ts';
import { within } from '../../scheduling/timers.ts';
import { FencedError } from '../checkpoints/advance.ts';
import { CheckpointMover } from '../checkpoints/checkpoint-mover.ts';
import { Checkpoints } from '../checkpoints/checkpoints.ts';
import { KnownCheckpoints } from '../checkpoints/known-checkpoints.ts';
import type { ProjectorRole } from '../checkpoints/leases/choose-leases.ts';
import { LeaseKeeper } from '../checkpoints/leases/lease-keeper.ts';
import { Leases } from '../checkpoints/leases/leases.ts';
import { type CheckpointId, checkpointId } from '../define/checkpoint-id.ts';
import type { Effect } from '../define/process-manager/effect.ts';
import type { PortBinding } from '../define/process-manager/port.ts';
import type { Process } from '../define/process-manager/process.ts';
import type { Registry } from '../define/registration/registry.ts';
import type { CommitFeed } from '../log/commit-feed.ts';
import type { LogHead } from '../log/log-head.ts';
import type { LogReader } from '../log/log-reader.ts';
import type { Hub } from '../notify/hub.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import type { Stall } from '../observe/stall.ts';
import type { CommandBus } from '../write/command-bus.ts';
import type { StreamStates } from '../write/state/stream-states.ts';
import { DueDeadlines } from './due-deadlines.ts';
import { EffectAnswers } from './effect-answers.ts';
import { EffectWork } from './effect-work.ts';
import { type ProcessAdvance, ProcessFollower } from './follow/follower.ts';
import type { RunnerLimits } from './follow/item-runner.ts';
import { retryUntilStopped } from './follow/retries.ts';
import type { Work } from './follow/work.ts';
import { type ProcessLimits, processLimits } from './limits.ts';
import { ParkedItems } from './parked/parked-items.ts';
import { type ProcessStatus, processStatusOf, stallOf } from './process-status.ts';
import { ProcessWork } from './process-work.ts';
import { StartPositions } from './start-positions.ts';

export interface ProcessManagerParts {
  readonly db: Database;
  /** The same database, with a role that may read receipts. */
  readonly writer: Database;
  /** The same database, on a connection that no batch keeps busy. */
  readonly leases: Database;
  /** False if the connections of `db` do not answer. */
  readonly canWork?: (() => boolean) | undefined;
  readonly log: LogReader;
  readonly feed: CommitFeed;
  readonly bus: CommandBus;
  readonly states: StreamStates;
  readonly processes: readonly Process[];
  readonly effects: readonly Effect[];
  /** The adapters through which this instance can make calls. */
  readonly adapters: readonly PortBinding[];
  /** The end of the log, as the projector knows it, which looks it up. */
  readonly head: LogHead;
  /** Announces changes of read models. */
  readonly hub: Hub;
  readonly role: ProjectorRole | undefined;
  /** All stream types and events that this code knows. */
  readonly registry: Pick<Registry, 'aggregates' | 'events'>;
  readonly limits?: Partial<ProcessLimits> | undefined;
  readonly observer: EngineObserver;
}

/** A kind of process, or an effect. */
interface ProcessConsumer {
  readonly id: CheckpointId;
  /** Creates its checkpoint if it is missing, or joins the call that does. */
  readonly register: () => Promise<void>;
}

interface Works {
  readonly work: Work;
  readonly limits: RunnerLimits;
}

/**
 * How long the start waits for missing checkpoints to be created, in ms. After that they are created in the background.
 */
const REGISTER_WITHIN_MS = 5000;

/**
 * Runs this instance's share of the kinds of processes, and of the effects whose ports have adapters here. Their owners
 * change like those of projections.
 */
export class ProcessManager {
  readonly #parts: ProcessManagerParts;
  readonly #followers: ReadonlyMap<string, ProcessFollower>;
  readonly #answers: EffectAnswers;
  readonly #checkpoints: Checkpoints;
  /** All processes and effects, including those that this instance cannot run. */
  readonly #consumers: readonly ProcessConsumer[];
  readonly #known = new KnownCheckpoints();
  readonly #leases: LeaseKeeper;
  readonly #stopping = new AbortController();

  constructor(parts: ProcessManagerParts) {
    this.#parts = parts;
    const { db, writer, leases, processes, effects, head, role, observer } = parts;
    this.#answers = new EffectAnswers(writer);
    const startPositions = new StartPositions(db, this.#answers);
    this.#checkpoints = new Checkpoints(leases);
    const consumer = (id: CheckpointId, beginning: () => Promise<number>): ProcessConsumer => ({
      id,
      register: singleFlight(() => this.#register(id, beginning)),
    });
    this.#consumers = [
      ...processes.map((process) =>
        consumer(checkpointId('process', process.name), () => startPositions.ofProcess(process)),
      ),
      ...effects.map((effect) => consumer(checkpointId('effect', effect.name), () => startPositions.ofEffect(effect))),
    ];
    const followers = new Map<string, ProcessFollower>();
    const works = this.#works();
    const own = this.#consumers.filter(({ id }) => works.has(id.key));
    this.#leases = new LeaseKeeper({
      leases: new Leases(leases),
      checkpoints: this.#checkpoints,
      consumers: own.map(({ id }) => ({ ...id, version: 1 })),
      runners: followers,
      known: this.#known,
      role,
      canWork: parts.canWork,
      onMissing: async (key) => own.find(({ id }) => id.key === key)?.register(),
      onReleased: () => {},
      observer,
    });
    const { log, feed, registry } = parts;
    const knows = (type: string) => Object.hasOwn(registry.events, type);
    for (const consumer of own) {
      const name = consumer.id.key;
      const { work, limits } = works.get(name) as Works;
      const parked = new ParkedItems(db, name);
      const move = this.#moverOf(consumer.id);
      const onAhead = () => this.#leases.renewSoon();
      const reads = { log, feed, head, knows };
      followers.set(name, new ProcessFollower({ name, work, ...reads, parked, limits, move, onAhead, observer }));
    }
    this.#followers = followers;
    head.onAdvance(() => {
      for (const follower of followers.values()) follower.wake();
    });
    const running = () => [...followers.values()].filter(({ isRunning }) => isRunning);
    feed.addReader(() => Math.min(...running().map(({ position }) => position)));
  }

  async start(): Promise<void> {
    if (this.#consumers.length === 0) return;
    if (this.#parts.role !== 'off') await this.#registerAll();
    await this.#leases.start();
  }

  /** The state of each kind, including those that other instances run. */
  status(): ProcessStatus[] {
    return this.#consumers.map(({ id }) =>
      processStatusOf(id, this.#followers.get(id.key), this.#known.of(id.key), this.#parts.head),
    );
  }

  /** Items that are parked because of a fault, in the kinds that this instance runs. */
  stalls(): Stall[] {
    return [...this.#followers.values()].flatMap((follower) => {
      const fault = follower.parkedFault;
      return follower.isRunning && fault ? [stallOf(follower.name, follower.parkedSize, fault)] : [];
    });
  }

  /** The kind run by this instance in which an initiator has more pending or parked work than their share. */
  crowdedBy(initiator: string): string | undefined {
    for (const follower of this.#followers.values()) if (follower.isCrowdedBy(initiator)) return follower.name;
    return undefined;
  }

  /** Finishes the work in progress if possible, and gives the leases up so that other instances can take them. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#consumers.length > 0) await this.#leases.stop();
  }

  /**
   * Creates missing checkpoints. One that takes long, or cannot be created yet, does not keep the others from running.
   */
  async #registerAll(): Promise<void> {
    const { observer } = this.#parts;
    const each = this.#consumers.map((consumer) =>
      retryUntilStopped(consumer.register, {
        stopping: this.#stopping.signal,
        onFailure: (error) => error && observer.tell('faultMet', { error, context: { part: consumer.id.key } }),
      }),
    );
    await within<unknown>(REGISTER_WITHIN_MS, Promise.all(each), () => undefined);
  }

  /**
   * Creates a checkpoint if it is missing. Each checkpoint has its own generation, so that an instance that still works
   * for a deleted checkpoint cannot move its successor.
   */
  async #register(id: CheckpointId, beginning: () => Promise<number>): Promise<void> {
    await this.#checkpoints.registerAt(id, async () => ({
      position: await beginning(),
      generation: 1 + Math.floor(Math.random() * 1_000_000_000),
    }));
  }

  #works(): Map<string, Works> {
    const { db, hub, bus, states, processes, effects, adapters, observer } = this.#parts;
    const answers = this.#answers;
    const limits = processLimits(this.#parts.limits);
    const { atOnce, perInitiator, effectsAtOnce, effectsPerInitiator, effectTimeoutMs: timeoutMs, ...shared } = limits;
    const works = new Map<string, Works>();
    for (const process of processes) {
      const clock = new DueDeadlines(db, hub, observer);
      const follows = this.#streamsOf([...process.on.keys()]).add(process.name);
      const work = new ProcessWork({ db, process, bus, clock, follows });
      works.set(checkpointId('process', process.name).key, { work, limits: { ...shared, atOnce, perInitiator } });
    }
    for (const effect of effects) {
      const binding = adapters.find(({ port }) => port === effect.port);
      if (!binding) continue;
      const follows = this.#streamsOf([...effect.on.keys()]);
      const work = new EffectWork({ effect, port: binding.adapter, bus, states, answers, follows, timeoutMs });
      works.set(checkpointId('effect', effect.name).key, {
        work,
        limits: { ...shared, atOnce: effectsAtOnce, perInitiator: effectsPerInitiator },
      });
    }
    return works;
  }

  /** Stream types that have events of these types. */
  #streamsOf(types: readonly string[]): Set<string> {
    const { aggregates } = this.#parts.registry;
    return new Set(
      [...aggregates.values()].flatMap(({ name, events }) =>
        types.some((type) => Object.hasOwn(events, type)) ? [name] : [],
      ),
    );
  }

  /** @returns a function that moves a consumer's checkpoint and returns whether this instance still owns it. */
  #moverOf(id: CheckpointId): (advance: ProcessAdvance) => Promise<boolean> {
    const mover = new CheckpointMover(this.#parts.leases, id.key);
    return async ({ isAhead, ...advance }) => {
      try {
        const owner = this.#leases.instanceId;
        const { failure, generation } = advance;
        await mover.move({ ...advance, from: null, owner });
        if (failure !== null) {
          await this.#checkpoints.setFailure({ key: id.key, owner, generation }, { failure, isAhead });
        }
        return true;
      } catch (error) {
        if (!(error instanceof FencedError)) throw error;
        // Another instance owns the checkpoint now, or it was deleted: the renewal sees which, and creates it again.
        this.#leases.renewSoon();
        return false;
      }
    };
  }
}
