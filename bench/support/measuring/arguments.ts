import { parseArgs } from 'node:util';
import { BENCHMARKS } from './benchmark.ts';

/** What a run of the benchmarks does. */
export interface BenchRun {
  /** Names of the benchmarks, in the order in which they run. */
  readonly names: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
}

/** What is printed instead of running anything, and the exit code. */
export interface BenchUsage {
  readonly usage: string;
  readonly code: 0 | 2;
}

const USAGE = `Usage: npm run bench -- [names] [options]

Names: ${BENCHMARKS.join(', ')}. Without names, all of them run.

  --rounds N   how often each contender has its turn, 5 by default
  --quick      only a look whether they work: a small run of which nothing is kept
  --help       shows this`;

/** Reads the command line of `npm run bench`. */
export function benchRun(args: readonly string[]): BenchRun | BenchUsage {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return wrong((error as Error).message);
  }
  const { positionals, values } = parsed;
  if (values.help) return { usage: USAGE, code: 0 };
  const unknown = positionals.filter((name) => !BENCHMARKS.includes(name));
  if (unknown.length > 0) return wrong(`There is no benchmark named ${unknown.join(', ')}.`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) return wrong(`--rounds is a whole number from 1, not ${values.rounds}.`);
  const names = BENCHMARKS.filter((name) => positionals.length === 0 || positionals.includes(name));
  return { names, rounds: values.quick ? 1 : rounds, quick: values.quick };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

function wrong(message: string): BenchUsage {
  return { usage: `${message}\n\n${USAGE}`, code: 2 };
}
