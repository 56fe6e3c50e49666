import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { TARGETS, type Target, targetsOf } from '../../bench/charts/targets.ts';
import { BENCHMARKS } from '../../bench/support/measuring/benchmark.ts';
import type { StoredResult } from '../../bench/support/measuring/report.ts';

const stored = (name: string) => new URL(`../../bench/results/${name}.json`, import.meta.url);

const result = (median: number) =>
  ({
    ...{ benchmark: 'read', measurements: [] },
    ratios: [{ of: 'ours', to: 'theirs', median }],
  }) as unknown as StoredResult;

const target = (aim: Target['aim']): Target => ({
  ...{ work: 'reading', beside: 'theirs', aim, unit: '×' },
  measured: (found) => found.ratio('read', 'ours', 'theirs'),
  limit: ({ ratio }) => `The most is ${ratio('read', 'ours', 'theirs')} ×.`,
});

const lastLine = (text: string) => text.split('\n').at(-1);

describe('the table of targets', () => {
  it('says whether a target is met, and what limits it', () => {
    expect(lastLine(targetsOf([result(2)], [target({ atLeast: 2 })]))).toBe(
      '| reading | theirs | ≥ 2 × | ✅ 2.00 × | The most is 2.00 ×. |',
    );
    expect(targetsOf([result(1.99)], [target({ atLeast: 2 })])).toContain('| ❌ 1.99 × |');
    expect(targetsOf([result(0.5)], [target({ atMost: 0.4 })])).toContain('| ≤ 0.4 × | ❌ 0.50 × |');
    expect(targetsOf([result(0.4)], [target({ atMost: 0.4 })])).toContain('| ✅ 0.40 × |');
  });

  it('says of a target that nothing has measured that it is so', () => {
    expect(targetsOf([], [target({ atLeast: 2 })])).toContain('| not measured | The most is an unknown number of ×. |');
  });

  it('finds each figure in the results that are kept', async () => {
    const results = await Promise.all(
      BENCHMARKS.map(async (name) => JSON.parse(await readFile(stored(name), 'utf8')) as StoredResult),
    );
    const lines = targetsOf(results).split('\n').slice(2);
    expect(lines).toHaveLength(TARGETS.length);
    for (const [nth, { work, measured }] of TARGETS.entries()) {
      expect(lines[nth], work).not.toContain('unknown');
      expect(lines[nth]?.includes('not measured'), work).toBe(measured === undefined);
    }
  });
});
