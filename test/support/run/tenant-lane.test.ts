import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { filesAsTenant, notAsTenant, whyNotAsTenant } from './tenant-lane.ts';

const files = globSync('test/**/*.test.ts');

it.each(notAsTenant)('there are tests of $files that do not run as a tenant', ({ files: path, tests = [] }) => {
  const found = files.filter((file) => file.startsWith(path));
  expect(found).not.toEqual([]);
  const text = found.map((file) => readFileSync(file, 'utf8')).join('\n');
  for (const name of tests) expect(text).toContain(`'${name}`);
});

it('the tests of the engine run as a tenant, and no others', () => {
  const found = filesAsTenant(files);
  expect(found).toContain('test/kernel/write/command-bus.test.ts');
  expect(found).toContain('test/kernel/read/rebuild/rebuild.test.ts');
  expect(found).not.toContain('test/kernel/read/replica/replica.test.ts');
  expect(found.filter((file) => !file.startsWith('test/kernel/'))).toEqual([]);
});

it('a test that does not run as a tenant says why', () => {
  const file = 'test/kernel/read/rebuild/rebuild.test.ts';
  expect(whyNotAsTenant(file, 'replaces the live table by one')).toMatch(/table that stays/);
  expect(whyNotAsTenant(file, 'that is cancelled leaves the live table as it is')).toBeUndefined();
});
