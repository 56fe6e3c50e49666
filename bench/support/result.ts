/** Something measured, the same way, once a round. */
export interface Measurement {
  readonly name: string;
  readonly unit: 'commands/s' | 'events/s' | 'ms';
  readonly rounds: readonly number[];
}

/** How many times as much one is as the other; of each round, so that what the machine does meanwhile cancels out. */
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

/** What a benchmark found out. */
export interface Result {
  readonly benchmark: string;
  /** One sentence: what was done, how often, with what. */
  readonly setting: string;
  readonly measurements: readonly Measurement[];
  readonly ratios: readonly Ratio[];
  readonly goals: readonly Goal[];
}

/** The ratio of two measurements, round by round. */
export function ratio(of: Measurement, to: Measurement): Ratio {
  const rounds = of.rounds.map((value, round) => value / (to.rounds[round] ?? Number.NaN));
  return { of: of.name, to: to.name, rounds };
}
