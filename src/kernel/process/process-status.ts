import type { Checkpoint } from '../read/checkpoints.ts';
import type { LogHead } from '../read/log-head.ts';
import { PROCESS } from '../read/owner.ts';
import type { Follower } from './follower.ts';

export type ProcessStatusState = 'RUNNING' | 'STALLED' | 'STOPPED';

/** Where a kind of processes or an effect stands. */
export interface ProcessStatus {
  readonly name: string;
  readonly kind: 'PROCESS' | 'EFFECT';
  readonly state: ProcessStatusState;
  /** Every event up to here has been answered. */
  readonly position: number;
  /** Events behind the end of the log. */
  readonly lag: number;
  /** Why one of its lines stands still, for operators. */
  readonly failure: string | null;
  /** True where this instance runs it. */
  readonly isOurs: boolean;
  /** The process of the operating system that runs it, as host:pid; null where nobody does. For operators. */
  readonly owner: string | null;
}

/** @param checkpoint as it was looked at last. */
export function processStatusOf(
  name: string,
  follower: Follower | undefined,
  checkpoint: Checkpoint | undefined,
  head: LogHead,
): ProcessStatus {
  const isOurs = follower?.isRunning === true;
  const position = isOurs ? follower.position : (checkpoint?.position ?? 0);
  const failure = isOurs ? follower.failure : (checkpoint?.failure ?? null);
  const isRun = isOurs || (checkpoint !== undefined && checkpoint.owner !== null);
  const [kind] = name.split(':');
  return {
    name: name.slice(name.indexOf(':') + 1),
    kind: kind === 'effect' ? 'EFFECT' : 'PROCESS',
    state: failure !== null ? 'STALLED' : isRun ? 'RUNNING' : 'STOPPED',
    position,
    lag: Math.max(0, head.position - position),
    failure,
    isOurs,
    owner: isOurs ? PROCESS : isRun ? (checkpoint?.ownerProcess ?? null) : null,
  };
}
