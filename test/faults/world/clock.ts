/** A wall clock that is wrong. */
export interface Clock {
  /** Added to the machine's time, in ms. */
  readonly offsetMs: number;
  /** What it gains on each ms that passes, from when it is set; negative if it loses. */
  readonly drift: number;
}

export const RIGHT: Clock = { offsetMs: 0, drift: 0 };

/** What a running server is sent. */
export interface ClockMessage {
  readonly clock: Clock;
}

/** The clock of a server that starts, as JSON. */
export const CLOCK_VARIABLE = 'AFTERWRITE_FAULTS_CLOCK';
