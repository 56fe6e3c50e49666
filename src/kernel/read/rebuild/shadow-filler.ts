import { type Checkpoint, Checkpoints } from '../../checkpoints/checkpoints.ts';
import type { Clock } from '../../clock/clock.ts';
import { Positions } from '../../consistency/positions.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { LogReader } from '../../log/log-reader.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { WindowMemory } from '../fold/window-memory.ts';
import type { FillTurn } from '../run/fill-turns.ts';
import { ProjectionRunner } from '../run/projection-runner.ts';
import type { DedicatedPools } from './dedicated-pools.ts';
import { type Shadow, type ShadowPurpose, shadowOf } from './shadow.ts';
import { ShadowTable } from './shadow-projection-table.ts';
import { RebuildThrottle } from './throttle.ts';

export interface FillerParts {
  readonly pools: DedicatedPools;
  readonly projection: Projection;
  readonly purpose: ShadowPurpose;
  /** The shadow's checkpoint at the time when this instance took its lease. */
  readonly checkpoint: Checkpoint;
  /** The id of this instance, which has the shadow's lease. */
  readonly owner: string;
  readonly log: Pick<LogReader, 'read'>;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  readonly batchLimit: number;
  /** Shared with the read models that are served. */
  readonly windowMemory: WindowMemory;
  readonly clock: Clock;
  readonly observer: EngineObserver;
}

/** Fills a shadow from the log as a live read model is filled, but without announcing it. */
export class ShadowFiller {
  readonly shadow: Shadow;
  readonly table: ShadowTable;
  readonly #parts: FillerParts;
  readonly #runner: ProjectionRunner;
  readonly #positions: Positions;
  readonly #throttle = new RebuildThrottle();
  /** It rests after each batch, because filling a shadow is not urgent. Near the end, the swap may be waiting for it. */
  readonly #turns = {
    take: async (): Promise<FillTurn> => ({
      isBusy: this.#throttle.isBusy,
      end: async (gap) => {
        if (gap > this.#parts.batchLimit) await this.#throttle.rest(this.#parts.head.position, gap);
      },
    }),
  };

  constructor(parts: FillerParts) {
    const { pools, projection, purpose, checkpoint, owner } = parts;
    this.#parts = parts;
    this.shadow = shadowOf(projection, purpose);
    const { key } = this.shadow.checkpoint;
    this.#positions = new Positions([key], 100);
    this.table = new ShadowTable({
      db: pools.projector,
      ddl: pools.owner,
      shadow: this.shadow,
      filler: { owner, generation: checkpoint.generation },
    });
    this.#runner = new ProjectionRunner({
      ...parts,
      projection: this.shadow.projection,
      discardedOf: projection.checkpoint.key,
      table: this.table,
      log: parts.log,
      fillTurns: () => this.#turns,
      // How long its events have waited is not a lag.
      observer: parts.observer.only('faultMet'),
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

  /** True if it is at most one batch from the end of the log. */
  get isNear(): boolean {
    return this.position >= this.#parts.head.position - this.#parts.batchLimit;
  }

  /** Starts, or continues after a stop. */
  start(): void {
    const { checkpoint } = this.#parts;
    this.#runner.start({ ...checkpoint, position: Math.max(checkpoint.position, this.position) });
  }

  /** Stops after the batch in progress. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  /** Wakes it up, because there may be something to do. */
  wake(): void {
    this.#runner.wake();
  }

  /** Resolves to true when the shadow reaches a position; to false if it does not do so in time. */
  reached(position: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return this.#positions.reached(this.shadow.checkpoint.key, position, { timeoutMs, signal });
  }
}
