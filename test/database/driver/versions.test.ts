import { readFileSync } from 'node:fs';
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
