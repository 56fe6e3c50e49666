import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import { Positions } from '../consistency/positions.ts';
import type { Effect, Plug } from '../define/effect.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { Process } from '../define/process.ts';
import type { Hub } from '../notify/hub.ts';
import { type CheckpointPlace, UNKNOWN_PLACE } from '../read/checkpoint-place.ts';
import { Checkpoints } from '../read/checkpoints.ts';
import { CommitFeed } from '../read/commit-feed.ts';
import type { ProjectorPart } from '../read/lease.ts';
import type { LogHead } from '../read/log-head.ts';
import { Ownership } from '../read/ownership.ts';
import type { CommandBus } from '../write/command-bus.ts';
import type { EventLog } from '../write/event-log.ts';
import type { StreamStates } from '../write/stream-states.ts';
import { Answers } from './answers.ts';
import { Beginnings } from './beginnings.ts';
import { DueDeadlines } from './due-deadlines.ts';
import { EffectWork } from './effect-work.ts';
import { Follower, type Work } from './follower.ts';
import { type ProcessStatus, processStatusOf } from './process-status.ts';
import { ProcessWork } from './process-work.ts';

export interface ProcessManagerParts {
  readonly db: Database;
  /** The same database for who may look at receipts. */
  readonly writer: Database;
  /** The same database on a connection that no batch keeps waiting. */
  readonly leases: Database;
  readonly log: EventLog;
  readonly bus: CommandBus;
  readonly states: StreamStates;
  readonly processes: readonly Process[];
  readonly effects: readonly Effect[];
  /** What this instance is able to call. */
  readonly plugs: readonly Plug[];
  /** Where the log ends, as the projector knows. */
  readonly head: LogHead;
  readonly look: () => Promise<void>;
  /** Tells when read models have moved. */
  readonly hub: Hub;
  readonly part: ProjectorPart | undefined;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** Events of this instance that are held for its processes. */
const FEED_LIMIT = 20_000;

/**
 * Runs this instance's share of the kinds of processes, and of the effects whose ports lead somewhere here. They are owned and taken
 * over as projections are.
 */
export class ProcessManager {
  readonly #parts: ProcessManagerParts;
  readonly #feed = new CommitFeed(FEED_LIMIT);
  readonly #followers: ReadonlyMap<string, Follower>;
  readonly #answers: Answers;
  /** The checkpoints of all kinds, also of those that this instance cannot run, with where one begins that has none. */
  readonly #beginnings: ReadonlyMap<string, () => Promise<number>>;
  readonly #ownership: Ownership;

  constructor(parts: ProcessManagerParts) {
    this.#parts = parts;
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
      look,
      onMoved: () => {},
      onReleased: () => {},
      isDeaf: () => false,
      onError,
    });
    const move = this.#mover();
    const { log } = parts;
    for (const [name, work] of works) {
      followers.set(name, new Follower({ name, work, log, feed: this.#feed, head, move, onError }));
    }
    this.#followers = followers;
  }

  async start(): Promise<void> {
    if (this.#beginnings.size === 0) return;
    if (this.#parts.part !== 'off') await this.#register();
    await this.#ownership.start();
  }

  /** This instance has committed. */
  committed(events: readonly RecordedEvent[]): void {
    if (this.#followers.size === 0) return;
    this.#feed.push(events);
    this.wake();
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

  /** Ends when what is on its way is done, as far as that is possible, and gives the processes up for others. */
  async stop(): Promise<void> {
    if (this.#beginnings.size > 0) await this.#ownership.stop();
  }

  /**
   * Makes the checkpoints that there are not. Each has a generation of its own: whoever believes that it still moves one that was
   * lost does not move this one.
   */
  async #register(): Promise<void> {
    const { leases } = this.#parts;
    const rows = await leases.execute<{ projection: string }>(sql`select projection from read.checkpoints`);
    const known = new Set(rows.map(({ projection }) => projection));
    for (const [name, beginning] of this.#beginnings) {
      if (known.has(name)) continue;
      await leases.execute(sql`insert into read.checkpoints (projection, version, position, generation)
                               values (${name}, 1, ${await beginning()}, 1 + floor(random() * 1000000000)::int)
                               on conflict (projection) do nothing`);
    }
  }

  #works(): Map<string, Work> {
    const { db, hub, bus, states, processes, effects, plugs, onError } = this.#parts;
    const answers = this.#answers;
    const works = new Map<string, Work>();
    for (const process of processes) {
      const deadlines = new DueDeadlines(db, hub, onError);
      works.set(checkpointOfProcess(process), new ProcessWork({ db, process, bus, deadlines }));
    }
    for (const effect of effects) {
      const plugged = plugs.find(({ port }) => port === effect.port);
      if (plugged) {
        works.set(checkpointOfEffect(effect), new EffectWork({ effect, port: plugged.into, bus, states, answers }));
      }
    }
    return works;
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
      else await this.#register();
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
