import type { Checkpoint, OldestWaiting } from '../../checkpoints/checkpoints.ts';
import { PROCESS } from '../../checkpoints/instance-id.ts';
import type { Clock } from '../../clock/database-clock.ts';
import type { Positions } from '../../consistency/positions.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { RebuildStatus } from '../rebuild/rebuild-progress.ts';
import type { ProjectionRunner } from '../run/projection-runner.ts';
import { type LagState, lagStateOf } from './lag.ts';

export type ProjectionState = 'RUNNING' | 'REBUILDING' | 'STALLED' | 'STOPPED';

export interface ProjectionStatus {
  readonly name: string;
  readonly state: ProjectionState;
  readonly position: number;
  readonly head: number;
  /** It is of an older version than this code's, which waits for it to be made anew. */
  readonly isOutdated: boolean;
  /** It is behind because it was begun late or not at all, or waits to be made anew; not because too much comes. */
  readonly isIncomplete: boolean;
  /** Events behind the head. */
  readonly lag: number;
  /** How long the oldest of them has waited. */
  readonly lagMs: number;
  readonly lagState: LagState;
  /** True where this instance moves it. */
  readonly isOurs: boolean;
  /** The process that moves it, as host:pid; null where nobody does. For operators. */
  readonly owner: string | null;
  /** Events that were put aside because they could not be applied, or wait behind one that could not. */
  readonly deadLetters: number;
  /** Why it is stalled, for operators. */
  readonly failure: string | null;
  /** How far the table is that is filled beside it; null where none is. */
  readonly rebuild: RebuildStatus | null;
}

/** What is known of one projection, here and from its checkpoint. */
export interface Known {
  /** The projection's version in this code. */
  readonly version: number;
  readonly runner: ProjectionRunner;
  readonly positions: Positions;
  readonly head: LogHead;
  /** The checkpoint as it was looked at last; undefined before the first look. */
  readonly checkpoint: Checkpoint | undefined;
  /** What it had not applied for the longest time, where it was behind at the last look. */
  readonly waiting: OldestWaiting | undefined;
  readonly rebuild: RebuildStatus | null;
  readonly clock: Clock;
}

/** Where a projection stands. */
export function statusOf({
  version,
  runner,
  positions,
  head: { position: end, recordedAt },
  ...known
}: Known): ProjectionStatus {
  const { name, isRunning } = runner;
  const { checkpoint, waiting, rebuild, clock } = known;
  const position = positions.of(name);
  const failure = isRunning ? runner.failure : (checkpoint?.failure ?? null);
  const head = Math.max(end, position);
  const lag = head - position;
  // After a lost connection nothing is known until the next look; how long what waits has waited neither.
  const isDoubted = position === 0 && (isRunning ? runner.position : (checkpoint?.position ?? 0)) > 0;
  const oldest =
    (isRunning ? runner.oldestWaiting : undefined) ??
    (isDoubted ? undefined : waiting?.position === position ? waiting.recordedAt : recordedAt);
  const lagMs = lag === 0 || !oldest ? 0 : Math.max(0, clock.now() - oldest.getTime());
  const isMoved = isRunning || checkpoint?.owner != null;
  const isOutdated = checkpoint !== undefined && checkpoint.version < version;
  const isPartial = position < (checkpoint?.wholeAt ?? 0);
  const state = stateOf(failure, isMoved || rebuild !== null, rebuild !== null || isPartial);
  return {
    name,
    state,
    position,
    head,
    isOutdated,
    isIncomplete: checkpoint === undefined || isOutdated || isPartial,
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

function stateOf(failure: string | null, isMoved: boolean, isIncomplete: boolean): ProjectionState {
  if (failure !== null) return 'STALLED';
  if (!isMoved) return 'STOPPED';
  return isIncomplete ? 'REBUILDING' : 'RUNNING';
}
