import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import { type CheckpointPlace, UNKNOWN_PLACE } from '../checkpoints/checkpoint-place.ts';
import { Checkpoints } from '../checkpoints/checkpoints.ts';
import type { ProjectorPart } from '../checkpoints/lease-statement.ts';
import { Ownership } from '../checkpoints/ownership.ts';
import { Positions } from '../consistency/positions.ts';
import type { Registry } from '../define/domain.ts';
import type { Effect } from '../define/effect.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { PortBinding } from '../define/port.ts';
import type { Process } from '../define/process.ts';
import { CommitFeed, FEED_LIMIT } from '../log/commit-feed.ts';
import type { LogHead } from '../log/log-head.ts';
import type { LogReader } from '../log/log-reader.ts';
import type { Hub } from '../notify/hub.ts';
import type { Stall } from '../observe/stall.ts';
import type { CommandBus } from '../write/command-bus.ts';
import type { StreamStates } from '../write/stream-states.ts';
import { DueDeadlines } from './due-deadlines.ts';
import { Answers } from './effect-answers.ts';
import { EffectWork } from './effect-work.ts';
import { Follower } from './follow/follower.ts';
import { patiently } from './follow/retries.ts';
import type { RunnerLimits } from './follow/runner.ts';
import type { Work } from './follow/work.ts';
import { type ProcessLimits, processLimits } from './limits.ts';
import { ParkedItems } from './parked/parked-items.ts';
import { type ProcessStatus, processStatusOf, stallOf } from './process-status.ts';
import { ProcessWork } from './process-work.ts';
import { Beginnings } from './start-positions.ts';

export interface ProcessManagerParts {
  readonly db: Database;
  /** The same database for who may look at receipts. */
  readonly writer: Database;
  /** The same database on a connection that no batch keeps waiting. */
  readonly leases: Database;
  /** False if the connections of `db` do not answer. */
  readonly canWork?: (() => boolean) | undefined;
  readonly log: LogReader;
  /** Bytes of the events of this instance that are held for its processes, about. */
  readonly feedBytes?: number | undefined;
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
  readonly part: ProjectorPart | undefined;
  /** All kinds of streams and events that this code knows. */
  readonly registry: Pick<Registry, 'aggregates' | 'events'>;
  readonly limits?: Partial<ProcessLimits> | undefined;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** How long the start waits for checkpoints that have to be made first, in ms; they are made all the same. */
const REGISTER_WITHIN_MS = 5000;

/**
 * Runs this instance's share of the kinds of processes, and of the effects whose ports lead somewhere here. They are owned and taken
 * over as projections are.
 */
export class ProcessManager {
  readonly #parts: ProcessManagerParts;
  readonly #feed: CommitFeed;
  readonly #followers: ReadonlyMap<string, Follower>;
  readonly #answers: Answers;
  /** The checkpoints of all kinds, also of those that this instance cannot run, with where one begins that has none. */
  readonly #beginnings: ReadonlyMap<string, () => Promise<number>>;
  readonly #ownership: Ownership;
  readonly #stopping = new AbortController();

  constructor(parts: ProcessManagerParts) {
    this.#parts = parts;
    this.#feed = new CommitFeed(FEED_LIMIT, parts.feedBytes);
    const { db, writer, leases, processes, effects, head, look, part, onError } = parts;
    this.#answers = new Answers(writer);
    const beginnings = new Beginnings(db, this.#answers);
    this.#beginnings = new Map([
      ...processes.map((process) => [checkpointOfProcess(process), () => beginnings.ofProcess(process)] as const),
      ...effects.map((effect) => [checkpointOfEffect(effect), () => beginnings.ofEffect(effect)] as const),
    ]);
    const followers = new Map<string, Follower>();
    const works = this.#works();
    const names = [...works.keys()];
    this.#ownership = new Ownership({
      checkpoints: new Checkpoints(leases),
      projections: names.map((name) => ({ name, version: 1 })),
      runners: followers,
      positions: new Positions(names, 0),
      head,
      part,
      canWork: parts.canWork,
      look,
      onMoved: () => {},
      onReleased: () => {},
      isDeaf: () => false,
      onError,
    });
    const move = this.#mover();
    const { log, registry } = parts;
    const knows = (type: string) => Object.hasOwn(registry.events, type);
    for (const [name, { work, limits }] of works) {
      const parked = new ParkedItems(db, name);
      followers.set(
        name,
        new Follower({ name, work, log, feed: this.#feed, head, parked, limits, knows, move, onError }),
      );
    }
    this.#followers = followers;
  }

  async start(): Promise<void> {
    if (this.#beginnings.size === 0) return;
    if (this.#parts.part !== 'off') await this.#registerAll();
    await this.#ownership.start();
  }

  /** This instance has committed. */
  committed(events: readonly RecordedEvent[]): void {
    if (this.#followers.size === 0) return;
    this.#feed.push(events);
    this.wake();
  }

  /** Another server may have taken over, without the newest events: none that were not read are believed. */
  doubt(): void {
    this.#feed.clear();
  }

  /** There may be new events. */
  wake(): void {
    for (const follower of this.#followers.values()) follower.wake();
  }

  /** Where each kind stands, also those that other instances run. */
  status(): ProcessStatus[] {
    return [...this.#beginnings.keys()].map((checkpoint) =>
      processStatusOf(
        checkpoint,
        this.#followers.get(checkpoint),
        this.#ownership.checkpoint(checkpoint),
        this.#parts.head,
      ),
    );
  }

  /** What is parked for a fault in the kinds that this instance runs. */
  stalls(): Stall[] {
    return [...this.#followers.values()].flatMap((follower) => {
      const fault = follower.parkedFault;
      return follower.isRunning && fault ? [stallOf(follower.name, follower.parkedSize, fault)] : [];
    });
  }

  /** Ends when what is on its way is done, as far as that is possible, and gives the processes up for others. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#beginnings.size > 0) await this.#ownership.stop();
  }

  /** Makes the checkpoints that are missing. One that takes long, or cannot be made yet, keeps no other from running. */
  async #registerAll(): Promise<void> {
    const { onError } = this.#parts;
    const over = new AbortController();
    const late = delay(REGISTER_WITHIN_MS, undefined, { signal: over.signal }).catch(() => undefined);
    const each = [...this.#beginnings.keys()].map((name) =>
      patiently(() => this.#register(name), {
        stopping: this.#stopping.signal,
        onFailure: (error) => error && onError(error, { part: name }),
      }),
    );
    await Promise.race([Promise.all(each), late]);
    over.abort();
  }

  /**
   * Makes a checkpoint unless it is there. It has a generation of its own: whoever believes that it still moves one that was
   * lost does not move this one.
   */
  async #register(name: string): Promise<void> {
    const { leases } = this.#parts;
    const known = await leases.execute(sql`select from read.checkpoints where projection = ${name}`);
    const beginning = this.#beginnings.get(name);
    if (known.length > 0 || !beginning) return;
    await leases.execute(sql`insert into read.checkpoints (projection, version, position, generation)
                             values (${name}, 1, ${await beginning()}, 1 + floor(random() * 1000000000)::int)
                             on conflict (projection) do nothing`);
  }

  #works(): Map<string, { readonly work: Work; readonly limits: RunnerLimits }> {
    const { db, hub, bus, states, processes, effects, adapters, onError } = this.#parts;
    const answers = this.#answers;
    const limits = processLimits(this.#parts.limits);
    const { atOnce, perInitiator, effectsAtOnce, effectsPerInitiator, effectTimeoutMs: timeoutMs, ...shared } = limits;
    const works = new Map<string, { work: Work; limits: RunnerLimits }>();
    for (const process of processes) {
      const clock = new DueDeadlines(db, hub, onError);
      const follows = this.#streamsOf([...process.on.keys()]).add(process.name);
      const work = new ProcessWork({ db, process, bus, clock, follows });
      works.set(checkpointOfProcess(process), { work, limits: { ...shared, atOnce, perInitiator } });
    }
    for (const effect of effects) {
      const binding = adapters.find(({ port }) => port === effect.port);
      if (!binding) continue;
      const follows = this.#streamsOf([...effect.on.keys()]);
      const work = new EffectWork({ effect, port: binding.adapter, bus, states, answers, follows, timeoutMs });
      works.set(checkpointOfEffect(effect), {
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

  #mover() {
    const places = new Map<string, CheckpointPlace>();
    const move = prepared<{ place: CheckpointPlace }>(
      this.#parts.leases,
      'processes_move',
      sql`select place::text from read.move_checkpoint(${sql.placeholder('name')}::text, null, ${sql.placeholder('to')}::text::bigint,
            ${sql.placeholder('owner')}::text::uuid, ${sql.placeholder('generation')}::text::int,
            ${sql.placeholder('place')}::text::tid, true, ${sql.placeholder('failure')}::text) as m(place)
          where place is not null`,
    );
    return async (name: string, to: number, generation: number, failure: string | null) => {
      const place = places.get(name) ?? UNKNOWN_PLACE;
      const [moved] = await move({ name, to, generation, failure, place, owner: this.#ownership.owner });
      if (moved) places.set(name, moved.place);
      // It is another's by now, or lost, and then needed again at once.
      else await this.#register(name);
      return moved !== undefined;
    };
  }
}

/** What the checkpoint of a kind of processes is called: no projection can have that name. */
function checkpointOfProcess({ name }: Process): string {
  return `process:${name}`;
}

function checkpointOfEffect({ name }: Effect): string {
  return `effect:${name}`;
}
