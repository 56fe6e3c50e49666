import type { Checkpoints } from '../../checkpoints/checkpoints.ts';
import type { IdleMoves } from '../../checkpoints/idle-moves.ts';
import type { Clock } from '../../clock/clock.ts';
import type { ProjectionMoved } from '../../notify/hub.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { WindowMemory } from '../fold/window-memory.ts';
import type { BatchPipelineParts } from './batch-pipeline.ts';
import type { FillTurns } from './fill-turns.ts';
import type { WriteCosts } from './write-costs.ts';

export interface ProjectionRunnerParts extends BatchPipelineParts {
  /** Called when the projection starts, and after the commit of every batch. */
  readonly onMoved: (moved: ProjectionMoved) => void;
  readonly checkpoints: Checkpoints;
  /** Moves its checkpoint past events that do not concern it; at once unless given. */
  readonly idleMoves?: IdleMoves | undefined;
  /** This instance. */
  readonly owner: string;
  /** Key of the checkpoint whose discarded events are left out here too; default: the projection's own. */
  readonly discardedOf?: string | undefined;
  /** Maximum number of streams in dead letters. */
  readonly deadLetterLimit?: number | undefined;
  /** Called when another instance has advanced the checkpoint or taken it over. The runner has then ended. */
  readonly onFenced?: () => void;
  /** Called when it meets an event of newer code, because another instance may be able to go on, and when it goes on itself. */
  readonly onAhead?: (isAhead: boolean) => void;
  /** Turns for its batches while the read model is being filled; undefined from the result on when it is served. */
  readonly fillTurns?: () => Pick<FillTurns, 'take'> | undefined;
  /** Memory that its replay shares with others; its own by default. */
  readonly windowMemory?: WindowMemory;
  /** Told how long it took to write a batch. */
  readonly costs?: Pick<WriteCosts, 'add'> | undefined;
  readonly observer: EngineObserver;
  readonly clock: Clock;
}
