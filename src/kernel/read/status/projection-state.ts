/**
 * RUNNING: an instance runs it. REBUILDING: it is being filled. STALLED: it cannot go on until an operator acts. AHEAD_OF_CODE: it waits
 * for newer code. STOPPED: no instance runs it.
 */
export type ProjectionState = 'RUNNING' | 'REBUILDING' | 'STALLED' | 'AHEAD_OF_CODE' | 'STOPPED';

/** The facts from which the state of a read model follows. */
export interface StateFacts {
  /** Why it stands still; null if it does not. */
  readonly failure: string | null;
  /** The failure is that only newer code can read the next event. */
  readonly isAhead: boolean;
  /** An instance runs it. */
  readonly isRun: boolean;
  /** Its table has not been filled completely yet. */
  readonly isPartial: boolean;
  /** The rebuild beside the live table; null if there is none. */
  readonly rebuild: object | null;
}

/** The state of a read model, as servers and the command line say it. */
export function stateOf({ failure, isAhead, isRun, isPartial, rebuild }: StateFacts): ProjectionState {
  if (failure !== null) return isAhead ? 'AHEAD_OF_CODE' : 'STALLED';
  if (rebuild !== null) return 'REBUILDING';
  if (!isRun) return 'STOPPED';
  return isPartial ? 'REBUILDING' : 'RUNNING';
}
