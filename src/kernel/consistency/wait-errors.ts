import { ElsewhereError } from '../errors.ts';

/** A wait for a read model that did not end in time. */
export class ConsistencyTimeoutError extends Error {
  readonly code = 'CONSISTENCY_TIMEOUT';
  readonly projection: string;
  /** The position that the wait was for. */
  readonly required: number;
  readonly current: number;
  /** RUNNING, or the reason why the wait may not end: STALLED, AHEAD_OF_CODE, REBUILDING, STOPPED. */
  readonly state: string;
  /** The position on the primary, if queries read from a replica; `current` is that of the replica. */
  readonly projected: number | undefined;

  constructor(projection: string, required: number, current: number, state: string, projected?: number) {
    const where =
      projected === undefined ? `${current}` : `${current} on the read replica, at ${projected} on the primary,`;
    super(
      `Read model ${projection} (${state}) is at position ${where} and has not reached ${required} in time. ` +
        'Read again, or with onTimeout: STALE.',
    );
    this.name = 'ConsistencyTimeoutError';
    this.projection = projection;
    this.required = required;
    this.current = current;
    this.state = state;
    this.projected = projected;
  }
}

/**
 * The read model waits for newer code before the position that a read needs, as during a deployment. An instance with that code can
 * answer; waiting here would be in vain.
 */
export class ReadElsewhereError extends ElsewhereError {
  readonly projection: string;
  /** The position that the read needs. */
  readonly required: number;
  /** The position before which the read model waits for newer code. */
  readonly current: number;

  constructor(projection: string, required: number, current: number) {
    super(
      `Read model ${projection} is at position ${current} on this instance and waits for newer code there (AHEAD_OF_CODE), so that it ` +
        `does not reach ${required}. Another instance can answer this.`,
    );
    this.name = 'ReadElsewhereError';
    this.projection = projection;
    this.required = required;
    this.current = current;
  }
}
