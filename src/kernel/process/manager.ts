import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import { Positions } from '../consistency/positions.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { Process } from '../define/process.ts';
import type { Hub } from '../notify/hub.ts';
import { Checkpoints } from '../read/checkpoints.ts';
import { CommitFeed } from '../read/commit-feed.ts';
import type { ProjectorPart } from '../read/lease.ts';
import type { LogHead } from '../read/log-head.ts';
import { Ownership } from '../read/ownership.ts';
import type { CommandBus } from '../write/command-bus.ts';
import type { EventLog } from '../write/event-log.ts';
import { DueDeadlines } from './due-deadlines.ts';
import { ProcessRunner } from './runner.ts';

export interface ProcessManagerParts {
  readonly db: Database;
  /** The same database on a connection that no batch keeps waiting. */
  readonly leases: Database;
  readonly log: EventLog;
  readonly bus: CommandBus;
  readonly processes: readonly Process[];
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
 * Runs this instance's share of the kinds of processes. They are owned and taken over as projections are; a new kind begins
 * where the log is at that moment, since it would otherwise act on what is long past.
 */
export class ProcessManager {
  readonly #parts: ProcessManagerParts;
  readonly #feed = new CommitFeed(FEED_LIMIT);
  readonly #runners: ReadonlyMap<string, ProcessRunner>;
  readonly #ownership: Ownership;

  constructor(parts: ProcessManagerParts) {
    this.#parts = parts;
    const { leases, processes, head, look, part, onError } = parts;
    const runners = new Map<string, ProcessRunner>();
    const names = processes.map(checkpointOf);
    this.#ownership = new Ownership({
      checkpoints: new Checkpoints(leases),
      projections: names.map((name) => ({ name, version: 1 })),
      runners,
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
    for (const process of processes) {
      const name = checkpointOf(process);
      const { db, hub } = parts;
      const deadlines = new DueDeadlines(db, hub, onError);
      const runner = new ProcessRunner({ ...parts, name, process, feed: this.#feed, deadlines, move });
      runners.set(name, runner);
    }
    this.#runners = runners;
  }

  async start(): Promise<void> {
    const { leases, part, processes } = this.#parts;
    if (processes.length === 0) return;
    if (part !== 'off') {
      for (const process of processes) {
        await leases.execute(sql`insert into read.checkpoints (projection, version, position)
                                 values (${checkpointOf(process)}, 1, (select coalesce(max(position), 0) from es.events))
                                 on conflict (projection) do nothing`);
      }
    }
    await this.#ownership.start();
  }

  /** This instance has committed. */
  committed(events: readonly RecordedEvent[]): void {
    if (this.#runners.size === 0) return;
    this.#feed.push(events);
    this.wake();
  }

  /** There may be new events. */
  wake(): void {
    for (const runner of this.#runners.values()) runner.wake();
  }

  /** Ends when what is on its way is done, as far as that is possible, and gives the processes up for others. */
  async stop(): Promise<void> {
    if (this.#parts.processes.length > 0) await this.#ownership.stop();
  }

  #mover() {
    const move = prepared<{ moved: number }>(
      this.#parts.leases,
      'processes_move',
      sql`update read.checkpoints set position = ${sql.placeholder('to')}, updated_at = now()
          where projection = ${sql.placeholder('name')} and owner = ${sql.placeholder('owner')}
            and generation = ${sql.placeholder('generation')} and position < ${sql.placeholder('to')}
          returning 1 as moved`,
    );
    return async (name: string, to: number, generation: number) => {
      const rows = await move({ name, to, generation, owner: this.#ownership.owner });
      return rows.length > 0;
    };
  }
}

/** What the checkpoint of a kind of processes is called: no projection can have that name. */
function checkpointOf({ name }: Process): string {
  return `process:${name}`;
}
