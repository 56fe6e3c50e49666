/**
 * RUNNING: an instance runs it. REBUILDING: it is being filled. STALLED: it cannot go on until an operator acts. AHEAD_OF_CODE: it waits
 * for newer code. STOPPED: no instance runs it.
 */
export type ProjectionState = 'RUNNING' | 'REBUILDING' | 'STALLED' | 'AHEAD_OF_CODE' | 'STOPPED';
