/** The time of Postgres, as far as this process knows it. */
export interface Clock {
  /** Ms since 1970. */
  now(): number;
  /** The time in Postgres at an instant of `performance.now()`. */
  at(instant: number): Date;
}
