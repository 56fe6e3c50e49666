import type { BenchPostgres } from '../running/postgres.ts';
import type { Result } from './result.ts';

/** The tools of a benchmark. */
export interface BenchContext {
  /** The Postgres of this run, with databases as many as one likes. */
  readonly postgres: BenchPostgres;
  /** How often each contender has its turn. */
  readonly rounds: number;
  /** Approximate duration of a turn, in seconds, if it can be chosen. */
  readonly seconds: number;
  /** If true, everything is a hundredth as large and no result is kept: a check whether the benchmark works. */
  readonly quick: boolean;
  /** Tells who waits what is going on. */
  readonly say: (line: string) => void;
}

/** One file of `bench/`: measures something side by side, cleans up after itself, and says what it found. */
export interface Benchmark {
  readonly name: string;
  /** @throws if the measured work did not do what it should have. */
  run(context: BenchContext): Promise<Result>;
}

/** All of them, in the order in which they run: each is what a file of `bench/` is called. */
export const BENCHMARKS: readonly string[] = [
  'append',
  'command',
  'project',
  'refill',
  'read',
  'catch-up',
  'fan-out',
  'live',
  'cards',
  'load',
  'size',
  'growth',
  'held-snapshot',
  'proof',
  'chain',
  'privacy',
  'tenants',
];
