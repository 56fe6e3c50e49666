/** A wall clock that is wrong. */
export interface Clock {
  /** Added to the machine's time, in ms. */
  readonly offsetMs: number;
  /** The gain on each ms that passes; negative if the clock loses. */
  readonly drift: number;
}

export const RIGHT: Clock = { offsetMs: 0, drift: 0 };

/** A message to a running server. */
export interface ClockMessage {
  readonly clock: Clock;
}

/** The clock of a server that starts, as JSON. */
export const CLOCK_VARIABLE = 'AFTERWRITE_FAULTS_CLOCK';
