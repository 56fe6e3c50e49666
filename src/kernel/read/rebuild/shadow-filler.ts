import type { Database } from '../../../database/client.ts';
import { Checkpoints } from '../../checkpoints/checkpoints.ts';
import type { Clock } from '../../clock/database-clock.ts';
import { Positions } from '../../consistency/positions.ts';
import type { EventTypes } from '../../define/event.ts';
import type { Projection } from '../../define/projection.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { unobserved } from '../../observe/observer.ts';
import { ProjectionRunner } from '../run/projection-runner.ts';
import { shadowOf } from './shadow.ts';
import type { ShadowRow } from './shadow-checkpoint.ts';
import { ShadowTable } from './shadow-projection-table.ts';
import { Pace } from './throttle.ts';

/** Connections and a log of its own: filling a shadow takes nothing from the live read models. */
export interface Aside {
  readonly projector: Database;
  /** With the rights of the tables' owner. */
  readonly owner: Database;
  readonly log: LogReader;
  /** Every event that the log may hold, by name. */
  readonly events: EventTypes;
  close(): Promise<void>;
}

export interface FillerParts {
  readonly aside: Aside;
  readonly projection: Projection;
  readonly row: ShadowRow;
  /** This instance, which has the shadow's lease. */
  readonly owner: string;
  readonly log: Pick<LogReader, 'read'>;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  readonly batchLimit: number;
  readonly clock: Clock;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** Fills a shadow from the log, as a live read model is filled, but nobody is told of it. */
export class ShadowFiller {
  readonly shadow: Projection;
  readonly table: ShadowTable;
  readonly #parts: FillerParts;
  readonly #runner: ProjectionRunner;
  readonly #positions: Positions;
  readonly #pace = new Pace();

  constructor(parts: FillerParts) {
    const { aside, projection, row, owner, head } = parts;
    this.#parts = parts;
    this.shadow = shadowOf(projection, row.purpose);
    const { name } = this.shadow;
    this.#positions = new Positions([name], 100);
    this.table = new ShadowTable({
      db: aside.projector,
      ddl: aside.owner,
      live: projection,
      shadow: this.shadow,
      filler: { owner, generation: row.generation },
      // Near the end somebody may wait for it.
      rest: async () => {
        if (!this.isNear) await this.#pace.rest(head.position, this.position);
      },
    });
    this.#runner = new ProjectionRunner({
      ...parts,
      projection: this.shadow,
      table: this.table,
      log: parts.log,
      // How long its events have waited is nobody's lag.
      observer: unobserved,
      checkpoints: new Checkpoints(aside.projector),
      onMoved: ({ position }) => this.#positions.advance(name, position),
    });
  }

  /** Every event up to here is in the shadow. */
  get position(): number {
    return this.#runner.position;
  }

  /** False where it has not begun, was stopped, or the shadow is not this instance's any more. */
  get isRunning(): boolean {
    return this.#runner.isRunning;
  }

  /** It is no more than a batch from the end of the log. */
  get isNear(): boolean {
    return this.position >= this.#parts.head.position - this.#parts.batchLimit;
  }

  /** Begins, or goes on after a stop. */
  start(): void {
    const { row } = this.#parts;
    this.#runner.start({ ...row, position: Math.max(row.position, this.position) });
  }

  /** Ends after the batch under way. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  /** There may be something to do. */
  wake(): void {
    this.#runner.wake();
  }

  /** True when the shadow is at or past a position, false where it does not get there in time. */
  reached(position: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.#positions.reached(this.shadow.name, position, { timeoutMs, signal });
  }
}
