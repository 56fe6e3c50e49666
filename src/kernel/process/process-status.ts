import type { Checkpoint } from '../checkpoints/checkpoints.ts';
import { PROCESS } from '../checkpoints/leases/instance-id.ts';
import type { CheckpointId } from '../define/checkpoint-id.ts';
import type { LogHead } from '../log/log-head.ts';
import type { Stall } from '../observe/stall.ts';
import type { ProcessFollower } from './follow/follower.ts';
import type { ParkedFault } from './parked/parked-items.ts';

export type ProcessStatusState = 'RUNNING' | 'STALLED' | 'AHEAD_OF_CODE' | 'STOPPED';

/** The state of a kind of process, or of an effect. */
export interface ProcessStatus {
  readonly name: string;
  readonly kind: 'PROCESS' | 'EFFECT';
  readonly state: ProcessStatusState;
  /** Every event up to this position is handled or parked. */
  readonly position: number;
  /** Number of events up to the end of the log. */
  readonly lag: number;
  /** Steps or calls that failed, and those that wait behind them. Each is retried automatically. */
  readonly parked: number;
  /** Steps or calls that were read and are unfinished, on the instance that runs the kind; 0 elsewhere. */
  readonly pending: number;
  /** Why work is stalled, or which event of newer code it waits for, for operators; null if it goes on. */
  readonly failure: string | null;
  /** True if this instance runs it. */
  readonly isOurs: boolean;
  /** The operating system's process that runs it, as host:pid; null if there is none. For operators. */
  readonly owner: string | null;
}

/** @param checkpoint the checkpoint as it was last read. */
export function processStatusOf(
  { kind, name }: CheckpointId,
  follower: ProcessFollower | undefined,
  checkpoint: Checkpoint | undefined,
  head: LogHead,
): ProcessStatus {
  const isOurs = follower?.isRunning === true;
  const position = isOurs ? follower.position : (checkpoint?.position ?? 0);
  const { failure, isAhead } = isOurs ? follower.standstill : (checkpoint ?? { failure: null, isAhead: false });
  const isRun = isOurs || (checkpoint !== undefined && checkpoint.owner !== null);
  return {
    name,
    kind: kind === 'effect' ? 'EFFECT' : 'PROCESS',
    state: failure !== null ? (isAhead ? 'AHEAD_OF_CODE' : 'STALLED') : isRun ? 'RUNNING' : 'STOPPED',
    position,
    lag: Math.max(0, head.position - position),
    parked: isOurs ? follower.parkedSize : (checkpoint?.deadLetters ?? 0),
    pending: isOurs ? follower.pending : 0,
    failure,
    isOurs,
    owner: isOurs ? PROCESS : isRun ? (checkpoint?.ownerProcess ?? null) : null,
  };
}

/**
 * Why a kind is stalled: the first item that is parked because of a fault. Only the error's code is reported, because
 * its text may be personal.
 */
export function stallOf(what: string, size: number, fault: ParkedFault): Stall {
  const { partition, position, deadline, eventType, code, parkedAt: since } = fault;
  const [streamType = '', streamId = ''] = partition.split(' ');
  const item = deadline ? `deadline ${deadline} of ${partition}` : `event ${position}, ${eventType}, in ${partition}`;
  const event = deadline ? null : { position, type: eventType ?? '', streamType, streamId };
  const message =
    `${what.replace(/^./, (first) => first.toUpperCase())} has parked ${size} ${size === 1 ? 'item' : 'items'} since ` +
    `${since.toISOString()}, first ${item}: ${code}. The rest goes on. The command \`parked list\` shows why.`;
  return { what, since, waitingFor: `the next attempt (${code})`, blockers: [], event, message };
}
