export type Unit =
  | 'executions/s'
  | 'CPU %'
  | 'commands/s'
  | 'events/s'
  | 'requests/s'
  | 'queries/s'
  | 'ms'
  | 'µs'
  | 'bytes'
  | 'kB'
  | 'MB';

/** Something measured, the same way, once a round. */
export interface Measurement {
  /** The chart that it belongs to: what is measured, "Appending to new streams". */
  readonly chart: string;
  /** The group on the chart, such as "32 callers"; empty if there is only one. */
  readonly at: string;
  /** The contender, always under the same name; or, if only one thing is measured, a percentile. */
  readonly who: string;
  readonly unit: Unit;
  /** NaN for a round in which the contender broke. */
  readonly rounds: readonly number[];
  /** What the contender said when it broke last; undefined if it never did. */
  readonly broken?: string | undefined;
}

/** A quotient of two measurements. It is computed for each round, so that changes of the machine's load cancel out. */
export interface Ratio {
  readonly of: string;
  readonly to: string;
  readonly rounds: readonly number[];
}

/** A figure that the project has promised. */
export interface Goal {
  readonly text: string;
  readonly value: number;
  readonly met: boolean;
}

/** The result of a benchmark. */
export interface Result {
  readonly benchmark: string;
  /** Some sentences: what was done, how often, with what. */
  readonly setting: string;
  readonly measurements: readonly Measurement[];
  readonly ratios: readonly Ratio[];
  readonly goals: readonly Goal[];
}

/** True for Afterwrite in whatever setting, and for the percentiles of what only Afterwrite was measured at. */
export function isOurs(who: string): boolean {
  return who.startsWith('Afterwrite') || /^p\d+$/.test(who);
}

/** A measurement in one line. */
export function nameOf({ at, who }: Pick<Measurement, 'at' | 'who'>): string {
  return at ? `${at}: ${who}` : who;
}

/** The ratio of two measurements, round by round. */
export function ratio(of: Measurement, to: Measurement): Ratio {
  const rounds = of.rounds.map((value, round) => value / (to.rounds[round] ?? Number.NaN));
  return { of: nameOf(of), to: of.at === to.at ? to.who : nameOf(to), rounds };
}

/** "At least 6 times Emmett": a promise that a value is not lower than a limit. */
export function atLeast(limit: number, what: string, value: number): Goal {
  return { text: `at least ${limit.toLocaleString('en')} ${what}`, value, met: value >= limit };
}

/** "Below 50 ms live lag": a promise that a value is lower than a limit. */
export function below(limit: number, what: string, value: number): Goal {
  return { text: `below ${limit.toLocaleString('en')} ${what}`, value, met: value < limit };
}

/** "At most 1.5 times one on 10 events": a promise that a value is not higher than a limit. */
export function atMost(limit: number, what: string, value: number): Goal {
  return { text: `at most ${limit.toLocaleString('en')} ${what}`, value, met: value <= limit };
}
