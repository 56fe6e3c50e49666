import type { Database } from '../../database/client.ts';
import { singleFlight } from '../../scheduling/single-flight.ts';
import { within } from '../../scheduling/timers.ts';
import { type CheckpointAdvance, FencedError } from '../checkpoints/advance.ts';
import { CheckpointMover } from '../checkpoints/checkpoint-mover.ts';
import { Checkpoints } from '../checkpoints/checkpoints.ts';
import type { ProjectorRole } from '../checkpoints/choose-leases.ts';
import { KnownCheckpoints } from '../checkpoints/known-checkpoints.ts';
import { LeaseKeeper } from '../checkpoints/lease-keeper.ts';
import { Leases } from '../checkpoints/leases.ts';
import { type CheckpointId, checkpointId } from '../define/checkpoint-id.ts';
import type { Effect } from '../define/process-manager/effect.ts';
import type { PortBinding } from '../define/process-manager/port.ts';
import type { Process } from '../define/process-manager/process.ts';
import type { Registry } from '../define/registry.ts';
import type { CommitFeed } from '../log/commit-feed.ts';
import type { LogHead } from '../log/log-head.ts';
import type { LogReader } from '../log/log-reader.ts';
import type { Hub } from '../notify/hub.ts';
import type { Stall } from '../observe/stall.ts';
import type { CommandBus } from '../write/command-bus.ts';
import type { StreamStates } from '../write/state/stream-states.ts';
import { DueDeadlines } from './due-deadlines.ts';
import { EffectAnswers } from './effect-answers.ts';
import { EffectWork } from './effect-work.ts';
import { ProcessFollower } from './follow/follower.ts';
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
  /** The same database with the right to read receipts. */
  readonly writer: Database;
  /** The same database on a connection that no batch keeps waiting. */
  readonly leases: Database;
  /** False if the connections of `db` do not answer. */
  readonly canWork?: (() => boolean) | undefined;
  readonly log: LogReader;
  readonly feed: CommitFeed;
  readonly bus: CommandBus;
  readonly states: StreamStates;
  readonly processes: readonly Process[];
  readonly effects: readonly Effect[];
  /** What this instance is able to call. */
  readonly adapters: readonly PortBinding[];
  /** Where the log ends, as the projector knows. */
  readonly head: LogHead;
  readonly look: () => Promise<void>;
  /** Tells when read models have moved. */
  readonly hub: Hub;
  readonly role: ProjectorRole | undefined;
  /** All kinds of streams and events that this code knows. */
  readonly registry: Pick<Registry, 'aggregates' | 'events'>;
  readonly limits?: Partial<ProcessLimits> | undefined;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** A kind of processes or an effect. */
interface ProcessConsumer {
  readonly id: CheckpointId;
  /** Where its checkpoint begins if it has none. */
  readonly beginning: () => Promise<number>;
}

interface Works {
  readonly work: Work;
  readonly limits: RunnerLimits;
}

/** How long the start waits for checkpoints that have to be made first, in ms; they are made all the same. */
const REGISTER_WITHIN_MS = 5000;

/**
 * Runs this instance's share of the kinds of processes, and of the effects whose ports lead somewhere here. They are owned and taken
 * over as projections are.
 */
export class ProcessManager {
  readonly #parts: ProcessManagerParts;
  readonly #followers: ReadonlyMap<string, ProcessFollower>;
  readonly #answers: EffectAnswers;
  readonly #checkpoints: Checkpoints;
  /** All processes and effects, also those that this instance cannot run. */
  readonly #consumers: readonly ProcessConsumer[];
  readonly #known = new KnownCheckpoints();
  readonly #leases: LeaseKeeper;
  readonly #stopping = new AbortController();

  constructor(parts: ProcessManagerParts) {
    this.#parts = parts;
    const { db, writer, leases, processes, effects, head, look, role, onError } = parts;
    this.#answers = new EffectAnswers(writer);
    const startPositions = new StartPositions(db, this.#answers);
    this.#checkpoints = new Checkpoints(leases);
    this.#consumers = [
      ...processes.map((process) => ({
        id: checkpointId('process', process.name),
        beginning: () => startPositions.ofProcess(process),
      })),
      ...effects.map((effect) => ({
        id: checkpointId('effect', effect.name),
        beginning: () => startPositions.ofEffect(effect),
      })),
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
      look: singleFlight(() => look().catch((error) => onError(error, { part: 'projector' }))),
      onReleased: () => {},
      onError,
    });
    const { log, feed, registry } = parts;
    const knows = (type: string) => Object.hasOwn(registry.events, type);
    for (const consumer of own) {
      const name = consumer.id.key;
      const { work, limits } = works.get(name) as Works;
      const parked = new ParkedItems(db, name);
      const move = this.#moverOf(consumer);
      followers.set(name, new ProcessFollower({ name, work, log, feed, head, parked, limits, knows, move, onError }));
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

  /** Where each kind stands, also those that other instances run. */
  status(): ProcessStatus[] {
    return this.#consumers.map(({ id }) =>
      processStatusOf(id, this.#followers.get(id.key), this.#known.of(id.key), this.#parts.head),
    );
  }

  /** What is parked for a fault in the kinds that this instance runs. */
  stalls(): Stall[] {
    return [...this.#followers.values()].flatMap((follower) => {
      const fault = follower.parkedFault;
      return follower.isRunning && fault ? [stallOf(follower.name, follower.parkedSize, fault)] : [];
    });
  }

  /** The kind, of those that this instance runs, in which an initiator has more to be done, or parked, than its share. */
  crowdedBy(initiator: string): string | undefined {
    for (const follower of this.#followers.values()) if (follower.isCrowdedBy(initiator)) return follower.name;
    return undefined;
  }

  /** Ends when what is on its way is done, as far as that is possible, and gives the processes up for others. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#consumers.length > 0) await this.#leases.stop();
  }

  /** Makes the checkpoints that are missing. One that takes long, or cannot be made yet, keeps no other from running. */
  async #registerAll(): Promise<void> {
    const { onError } = this.#parts;
    const each = this.#consumers.map((consumer) =>
      retryUntilStopped(() => this.#register(consumer), {
        stopping: this.#stopping.signal,
        onFailure: (error) => error && onError(error, { part: consumer.id.key }),
      }),
    );
    await within<unknown>(REGISTER_WITHIN_MS, Promise.all(each), () => undefined);
  }

  /**
   * Makes a checkpoint unless it is there. It has a generation of its own: an instance that believes that it still moves one
   * that was lost cannot move this one.
   */
  async #register({ id, beginning }: ProcessConsumer): Promise<void> {
    await this.#checkpoints.registerAt(id, async () => ({
      position: await beginning(),
      generation: 1 + Math.floor(Math.random() * 1_000_000_000),
    }));
  }

  #works(): Map<string, Works> {
    const { db, hub, bus, states, processes, effects, adapters, onError } = this.#parts;
    const answers = this.#answers;
    const limits = processLimits(this.#parts.limits);
    const { atOnce, perInitiator, effectsAtOnce, effectsPerInitiator, effectTimeoutMs: timeoutMs, ...shared } = limits;
    const works = new Map<string, Works>();
    for (const process of processes) {
      const clock = new DueDeadlines(db, hub, onError);
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

  /** Kinds of streams that have events of these types. */
  #streamsOf(types: readonly string[]): Set<string> {
    const { aggregates } = this.#parts.registry;
    return new Set(
      [...aggregates.values()].flatMap(({ name, events }) =>
        types.some((type) => Object.hasOwn(events, type)) ? [name] : [],
      ),
    );
  }

  /** @returns what moves a consumer's checkpoint, and answers whether it is still this instance's. */
  #moverOf(consumer: ProcessConsumer): (advance: Omit<CheckpointAdvance, 'from' | 'owner'>) => Promise<boolean> {
    const mover = new CheckpointMover(this.#parts.leases, consumer.id.key);
    return async (advance) => {
      try {
        await mover.move({ ...advance, from: null, owner: this.#leases.instanceId });
        return true;
      } catch (error) {
        if (!(error instanceof FencedError)) throw error;
        // Another instance owns it by now. Or it was lost, and then it is needed again at once.
        await this.#register(consumer);
        return false;
      }
    };
  }
}
