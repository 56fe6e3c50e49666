import { symlinkSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from '../../../src/database/embedded/lock.ts';
import { ProcessRegistry } from '../../../src/database/embedded/process-registry.ts';
import { isAlive, ownIdentity, processIdentity } from '../../../src/database/embedded/processes.ts';
import { cleanUp, temporaryFolder } from './helpers.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(cleanUp);

const DEAD = `${process.pid}:long-ago@another-boot`;

test('a lock lets one work at a time', async () => {
  const counter = join(folder, 'counter');
  await writeFile(counter, '0');
  const increment = () =>
    withLock(join(folder, 'lock'), 30_000, async () => {
      await writeFile(counter, String(Number(await readFile(counter, 'utf8')) + 1));
    });
  await Promise.all(Array.from({ length: 20 }, increment));
  expect(await readFile(counter, 'utf8')).toBe('20');
  expect(await readdir(join(folder, 'lock'))).toHaveLength(1);
});

test('a lock is free again after work that failed', async () => {
  const lock = join(folder, 'lock');
  await expect(withLock(lock, 1000, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await withLock(lock, 1000, async () => 'worked')).toBe('worked');
});

test('a lock of a process that died is free, also when its pid was given to another one', async () => {
  const lock = join(folder, 'lock');
  await withLock(lock, 1000, async () => undefined);
  symlinkSync(DEAD, join(lock, '3'));
  const works = [1, 2, 3].map((number) => withLock(lock, 10_000, async () => number));
  expect(await Promise.all(works)).toEqual([1, 2, 3]);
});

test('a lock that a living process keeps is given up with its pid', async () => {
  const lock = join(folder, 'lock');
  await withLock(lock, 1000, async () => undefined);
  symlinkSync(ownIdentity(), join(lock, '9'));
  await expect(withLock(lock, 50, async () => undefined)).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringContaining(`Process ${process.pid} `),
  });
});

test('users count while their processes live', async () => {
  const registry = new ProcessRegistry(join(folder, 'users'));
  const one = await registry.add();
  await registry.add();
  await writeFile(join(folder, 'users', 'dead'), DEAD);
  await writeFile(join(folder, 'users', 'half-written'), '');
  expect(await registry.count()).toBe(2);
  await registry.remove(one);
  await registry.remove(one);
  expect(await readdir(join(folder, 'users'))).toHaveLength(1);
});

test('a process is told from another one that had its pid', () => {
  expect(isAlive(ownIdentity())).toBe(true);
  expect(isAlive(DEAD)).toBe(false);
  expect(processIdentity(2 ** 22 + 1)).toBeUndefined();
});
