import { describe, expect, it } from 'vitest';
import { benchRun } from '../../bench/support/measuring/arguments.ts';
import { BENCHMARKS } from '../../bench/support/measuring/benchmark.ts';

describe('the command line of the benchmarks', () => {
  it('runs all benchmarks for five rounds by default', () => {
    expect(benchRun([])).toEqual({ names: BENCHMARKS, rounds: 5, quick: false });
  });

  it('runs the named benchmarks in their own order', () => {
    expect(benchRun(['size', 'append', '--rounds', '3'])).toEqual({
      names: ['append', 'size'],
      rounds: 3,
      quick: false,
    });
  });

  it('takes one round for a quick look', () => {
    expect(benchRun(['live', '--quick'])).toEqual({ names: ['live'], rounds: 1, quick: true });
  });

  it.each([['--help'], ['-h']])('shows the usage for %s', (option) => {
    expect(benchRun([option])).toEqual({ usage: expect.stringMatching(/^Usage: .*--rounds N .*--quick/s), code: 0 });
  });

  it.each([
    [['--round', '3'], "Unknown option '--round'"],
    [['--rounds'], "'--rounds <value>' argument missing"],
    [['--rounds', 'many'], '--rounds is a whole number from 1, not many.'],
    [['--rounds', '0'], '--rounds is a whole number from 1, not 0.'],
    [['apend'], 'There is no benchmark named apend.'],
  ])('says what is wrong with %s, and shows the usage', (args, message) => {
    const refused = benchRun(args);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused).toMatchObject({ usage: expect.stringContaining(message) });
    expect(refused).toMatchObject({ usage: expect.stringContaining('Usage: npm run bench') });
  });
});
