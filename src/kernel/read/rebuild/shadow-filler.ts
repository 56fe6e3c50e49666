import { type Checkpoint, Checkpoints } from '../../checkpoints/checkpoints.ts';
import type { Clock } from '../../clock/database-clock.ts';
import { Positions } from '../../consistency/positions.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { unobserved } from '../../observe/observer.ts';
import { ProjectionRunner } from '../run/projection-runner.ts';
import type { DedicatedPools } from './dedicated-pools.ts';
import { type Shadow, type ShadowPurpose, shadowOf } from './shadow.ts';
import { ShadowTable } from './shadow-projection-table.ts';
import { RebuildThrottle } from './throttle.ts';

export interface FillerParts {
  readonly pools: DedicatedPools;
  readonly projection: Projection;
  readonly purpose: ShadowPurpose;
  /** The shadow's, as it was when this instance took its lease. */
  readonly checkpoint: Checkpoint;
  /** This instance, which has the shadow's lease. */
  readonly owner: string;
  readonly log: Pick<LogReader, 'read'>;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  readonly batchLimit: number;
  readonly clock: Clock;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** Fills a shadow from the log like a live read model, but without announcing it. */
export class ShadowFiller {
  readonly shadow: Shadow;
  readonly table: ShadowTable;
  readonly #parts: FillerParts;
  readonly #runner: ProjectionRunner;
  readonly #positions: Positions;
  readonly #throttle = new RebuildThrottle();

  constructor(parts: FillerParts) {
    const { pools, projection, purpose, checkpoint, owner, head } = parts;
    this.#parts = parts;
    this.shadow = shadowOf(projection, purpose);
    const { key } = this.shadow.checkpoint;
    this.#positions = new Positions([key], 100);
    this.table = new ShadowTable({
      db: pools.projector,
      ddl: pools.owner,
      shadow: this.shadow,
      filler: { owner, generation: checkpoint.generation },
      // Near the end somebody may be waiting for it.
      rest: async () => {
        if (!this.isNear) await this.#throttle.rest(head.position, this.position);
      },
    });
    this.#runner = new ProjectionRunner({
      ...parts,
      projection: this.shadow.projection,
      discardedOf: projection.checkpoint.key,
      table: this.table,
      log: parts.log,
      // The waiting time of its events is not a lag.
      observer: unobserved,
      checkpoints: new Checkpoints(pools.projector),
      onMoved: ({ position }) => this.#positions.advance(key, position),
    });
  }

  /** Every event up to here is in the shadow. */
  get position(): number {
    return this.#runner.position;
  }

  /** False if it has not begun, was stopped, or another instance owns the shadow. */
  get isRunning(): boolean {
    return this.#runner.isRunning;
  }

  /** It is at most one batch from the end of the log. */
  get isNear(): boolean {
    return this.position >= this.#parts.head.position - this.#parts.batchLimit;
  }

  /** Starts, or continues after a stop. */
  start(): void {
    const { checkpoint } = this.#parts;
    this.#runner.start({ ...checkpoint, position: Math.max(checkpoint.position, this.position) });
  }

  /** Ends after the batch in progress. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  /** There may be something to do. */
  wake(): void {
    this.#runner.wake();
  }

  /** True once the shadow is at or past a position; false if it does not get there in time. */
  reached(position: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.#positions.reached(this.shadow.checkpoint.key, position, { timeoutMs, signal });
  }
}
