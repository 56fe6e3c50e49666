import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { FileLock } from '../../../src/kernel/privacy/file-keyring/file-lock.ts';
import { KeyringFile } from '../../../src/kernel/privacy/file-keyring/keyring-file.ts';
import { person } from './people.ts';

let folder = '';
let path = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
beforeEach(() => {
  path = join(folder, randomUUID());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const makeStale = () => utimes(`${path}.lock`, 1, 1);
const held = async (lock: FileLock | undefined) => (await lock?.isHeld()) === true;

describe('the lock of a keyring file', () => {
  it('is taken over from a process that was away for long, which learns of it and leaves it alone', async () => {
    const paused = await FileLock.take(path);
    expect(await held(paused)).toBe(true);
    await makeStale();
    const next = await FileLock.take(path);
    expect([await held(paused), await held(next)]).toEqual([false, true]);
    await paused?.release();
    expect(await held(next)).toBe(true);
    await next?.release();
    expect((await readdir(folder)).filter((name) => name.startsWith(path.slice(folder.length + 1)))).toEqual([]);
  });

  it('is held by one of many that find the same stale one', async () => {
    for (let round = 0; round < 20; round++) {
      await writeFile(`${path}.lock`, 'of a process that has died');
      await makeStale();
      let holders = 0;
      const most: number[] = [];
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          const lock = await FileLock.take(path);
          if (await held(lock)) {
            most.push(++holders);
            await new Promise(setImmediate);
            holders--;
          }
          await lock?.release();
        }),
      );
      expect(Math.max(...most)).toBe(1);
    }
  });

  it('keeps a process that has lost it from undoing what another has changed', async () => {
    const keyring = await FileKeyring.create(path);
    await keyring.erase(person('ada'));
    const late = new KeyringFile(path).change((content) => {
      writeFileSync(`${path}.lock`, 'of another process');
      return { ...content, erased: [], hashKey: randomBytes(32) };
    });
    await expect(late).rejects.toMatchObject({ code: 'KEYRING_BUSY' });
    expect(await (await FileKeyring.open(path)).isErased(person('ada'))).toBe(true);
    expect((await readdir(folder)).filter((name) => name.endsWith('.next'))).toEqual([]);
  });
});
