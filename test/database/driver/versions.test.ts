import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));

it.each(['postgres', 'drizzle-orm'])(
  'package.json names the exact version of %s, on whose private parts the workarounds rely',
  (name) => {
    const { dependencies, devDependencies } = read('package.json');
    const version = dependencies[name] ?? devDependencies[name];
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(read(`node_modules/${name}/package.json`).version).toBe(version);
  },
);

it('an application that installs the product gets the version of drizzle-orm that the workarounds were tried with', () => {
  const { peerDependencies, devDependencies } = read('package.json');
  expect(peerDependencies['drizzle-orm']).toBe(devDependencies['drizzle-orm']);
});

const folder = 'src/database/driver';
const workarounds = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && file !== 'statement.ts',
);

it.each(workarounds)('%s and its test name the same upstream issues, or say that there is none', (file) => {
  const source = readFileSync(join(root, folder, file), 'utf8');
  const test = readFileSync(join(root, 'test/database/driver', file.replace('.ts', '.test.ts')), 'utf8');
  expect(issuesIn(source)).not.toEqual([]);
  expect(issuesIn(test)).toEqual(issuesIn(source));
});

function issuesIn(text: string): string[] {
  const found =
    text.match(/https:\/\/github\.com\/[\w-]+\/[\w-]+\/(issues|pull)\/\d+|No upstream issue is known\./g) ?? [];
  return [...new Set(found)].sort();
}
