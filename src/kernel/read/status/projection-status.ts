import type { Checkpoint, OldestWaiting } from '../../checkpoints/checkpoints.ts';
import { PROCESS } from '../../checkpoints/leases/instance-id.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Positions } from '../../consistency/positions.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { RebuildStatus } from '../rebuild/rebuild-progress.ts';
import type { ProjectionRunner } from '../run/projection-runner.ts';
import { type LagState, lagStateOf } from './lag.ts';
import { type ProjectionState, stateOf } from './projection-state.ts';
import type { StartCatchUp } from './start-catch-up.ts';

export interface ProjectionStatus {
  readonly name: string;
  /** The version in this code. */
  readonly version: number;
  readonly state: ProjectionState;
  readonly position: number;
  readonly head: number;
  /** True if it is behind because it was started late or not at all, and not because of the current load. */
  readonly isIncomplete: boolean;
  /** True once this process serves it: it has caught up with the log since the process started, or cannot; see {@link StartCatchUp}. */
  readonly isServed: boolean;
  /** Number of events up to the head. */
  readonly lag: number;
  /** How long the oldest of them has waited. */
  readonly lagMs: number;
  readonly lagState: LagState;
  /** True if this instance runs it. */
  readonly isOurs: boolean;
  /** The process that runs it, as host:pid; null if none does. For operators. */
  readonly owner: string | null;
  /** Number of events in dead letters: those that could not be applied, and those that wait behind them. */
  readonly deadLetters: number;
  /** Why it is stalled, for operators. */
  readonly failure: string | null;
  /** Progress of a rebuild; null if there is none. */
  readonly rebuild: RebuildStatus | null;
}

/** Facts about one projection, from this process and from its checkpoint. */
export interface ProjectionFacts {
  readonly projection: Projection;
  readonly runner: ProjectionRunner;
  readonly positions: Positions;
  readonly head: LogHead;
  /** The checkpoint as last read; undefined before the first read. */
  readonly checkpoint: Checkpoint | undefined;
  /** The oldest event that it had not applied at the last check, if it was behind. */
  readonly waiting: OldestWaiting | undefined;
  readonly rebuild: RebuildStatus | null;
  readonly clock: Clock;
  readonly catchUp: StartCatchUp;
}

/** The status of a projection. */
export function statusOf({
  projection: { name, version },
  runner,
  positions,
  head: { position: end, recordedAt },
  ...known
}: ProjectionFacts): ProjectionStatus {
  const { isRunning } = runner;
  const { checkpoint, waiting, rebuild, clock, catchUp } = known;
  const position = positions.of(name);
  const failure = isRunning ? runner.failure : (checkpoint?.failure ?? null);
  const head = Math.max(end, position);
  const lag = head - position;
  // After a lost connection, the position and the waiting time are unknown until the next check.
  const isDoubted = position === 0 && (isRunning ? runner.position : (checkpoint?.position ?? 0)) > 0;
  const oldest =
    (isRunning ? runner.oldestWaiting : undefined) ??
    (isDoubted ? undefined : waiting?.position === position ? waiting.recordedAt : recordedAt);
  const lagMs = lag === 0 || !oldest ? 0 : Math.max(0, clock.now() - oldest.getTime());
  const isRun = isRunning || checkpoint?.owner != null;
  const isPartial = Math.max(position, checkpoint?.position ?? 0) < (checkpoint?.wholeAt ?? 0);
  const isAhead = isRunning ? runner.isAhead : (checkpoint?.isAhead ?? false);
  const state = stateOf({ failure, isAhead, isRun, isPartial, rebuild });
  const isIncomplete = checkpoint === undefined || isPartial;
  return {
    name,
    version,
    state,
    position,
    head,
    isIncomplete,
    isServed: catchUp.has({ name, position, state, isIncomplete }),
    lag,
    lagMs,
    lagState: lagStateOf(lagMs),
    isOurs: isRunning,
    owner: isRunning ? PROCESS : checkpoint?.owner ? checkpoint.ownerProcess : null,
    deadLetters: checkpoint?.deadLetters ?? 0,
    failure,
    rebuild,
  };
}
