import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';

/** A longer file has more than one reason to exist. */
const MAX_LINES = 300;
/** A folder has about a dozen files; a larger one lacks a concept. */
const MAX_FILES = 16;

const ROOTS = ['src', 'client/src', 'create/src', 'test', 'bench', 'scripts'];
const files = ROOTS.flatMap((root) => globSync(`${root}/**/*.{ts,mjs,js}`)).filter(
  (file) => !file.includes('node_modules'),
);

it('no file of code is too long to be read at once', () => {
  expect(files.length).toBeGreaterThan(1000);
  const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length - 1 > MAX_LINES);
  expect(long).toEqual([]);
});

it('no folder of the product has more files than can be told apart', () => {
  const counts = new Map<string, number>();
  for (const file of files.filter((file) => /^(?:src|client|create)\//.test(file))) {
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  }
  expect([...counts].filter(([, count]) => count > MAX_FILES)).toEqual([]);
});
