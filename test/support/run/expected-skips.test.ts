import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectedSkips, reasonToSkip } from './expected-skips.ts';

const tests = globSync('test/**/*.test.ts');

it.each(expectedSkips)(
  'tests of $files are skipped where the machine lacks $lacking, and say so',
  ({ files, lacking }) => {
    const skipping = tests.filter((file) => file.startsWith(files));
    expect(skipping).not.toEqual([]);
    for (const file of skipping) {
      const text = readFileSync(file, 'utf8');
      for (const need of lacking) expect(text, file).toMatch(new RegExp(`lacks\\([^)]*'${need}'`));
    }
  },
);

it('no other test may be skipped', () => {
  expect(reasonToSkip('test/kernel/bytes.test.ts')).toBeUndefined();
});
