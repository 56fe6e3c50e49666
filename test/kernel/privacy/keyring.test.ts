import { fork } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { PackedNodes } from '../../../src/kernel/privacy/file-keyring/packed-nodes.ts';
import { leafOf, PuncturableKey } from '../../../src/kernel/privacy/file-keyring/puncturable-key.ts';
import { GONE } from '../../../src/kernel/privacy/keyring.ts';
import { fc } from '../../support/properties.ts';
import { person } from './people.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const newPath = () => join(folder, randomUUID());
const key = () => randomBytes(32);
async function wrapped(keyring: FileKeyring, id: string) {
  const secret = key();
  const box = await keyring.wrap(person(id), secret);
  if (box === GONE) throw new Error(`${id} is gone`);
  return { secret, box };
}

describe('a puncturable key', () => {
  it('loses the punctured leaves and keeps all others as they were', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 12 }), fc.nat(), (names, chosen) => {
        const whole = new PuncturableKey(PackedNodes.of([['', key()]]));
        const gone = names.slice(0, 1 + (chosen % names.length));
        const punctured = gone.reduce((rest, name) => rest.puncture(leafOf(name)), whole);
        for (const name of names) {
          const leaf = leafOf(name);
          expect(punctured.derive(leaf)).toEqual(gone.includes(name) ? undefined : whole.derive(leaf));
        }
        // Nothing that is left is on the way to a leaf that is gone.
        for (const [path] of punctured.nodes) {
          for (const name of gone) expect(leafOf(name).startsWith(path)).toBe(false);
        }
      }),
    );
  });

  it('gives each leaf another key', () => {
    const root = new PuncturableKey(PackedNodes.of([['', key()]]));
    const keys = Array.from({ length: 500 }, (_, nth) => root.derive(leafOf(`${nth}`))?.toString('hex'));
    expect(new Set(keys).size).toBe(500);
  });
});

describe('a keyring in a file', () => {
  it('can be read by its owner only, and is never overwritten', async () => {
    const path = newPath();
    await FileKeyring.create(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const before = await readFile(path, 'utf8');
    await expect(FileKeyring.create(path)).rejects.toMatchObject({ code: 'KEYRING_EXISTS' });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('unwraps what it has wrapped, for the same subject only, also after a restart', async () => {
    const path = newPath();
    const keyring = await FileKeyring.create(path);
    const { secret, box } = await wrapped(keyring, 'ada');
    const again = await FileKeyring.open(path);
    expect(await again.unwrap(person('ada'), box)).toEqual(secret);
    await expect(again.unwrap(person('grace'), box)).rejects.toMatchObject({ code: 'KEY_DAMAGED' });
  });

  it('loses an erased subject for good, also in a process that had it open, and keeps all others', async () => {
    const path = newPath();
    const keyring = await FileKeyring.create(path);
    const [ada, grace] = [await wrapped(keyring, 'ada'), await wrapped(keyring, 'grace')];
    const other = await FileKeyring.open(path);
    await other.erase(person('ada'));
    await other.erase(person('ada'));
    expect(await other.erasures()).toBe(1);
    for (const each of [other, await FileKeyring.open(path)]) {
      expect(await each.unwrap(person('ada'), ada.box)).toBe(GONE);
      expect(await each.wrap(person('ada'), key())).toBe(GONE);
      expect(await each.unwrap(person('grace'), grace.box)).toEqual(grace.secret);
    }
    await expect.poll(() => keyring.unwrap(person('ada'), ada.box)).toBe(GONE);
  });

  it('wraps with a new secret after a rotation, and unwraps what was wrapped before until that is forgotten', async () => {
    const path = newPath();
    const keyring = await FileKeyring.create(path);
    const [ada, grace] = [await wrapped(keyring, 'ada'), await wrapped(keyring, 'grace')];
    await keyring.erase(person('ada'));
    await keyring.rotate();
    expect(await keyring.isNewest(grace.box)).toBe(false);
    expect(await keyring.unwrap(person('grace'), grace.box)).toEqual(grace.secret);
    expect(await keyring.unwrap(person('ada'), ada.box)).toBe(GONE);
    const after = await wrapped(keyring, 'grace');
    expect(await keyring.isNewest(after.box)).toBe(true);
    await keyring.rotate({ forgetsFormer: true });
    await expect(keyring.unwrap(person('grace'), grace.box)).rejects.toMatchObject({ code: 'KEY_DAMAGED' });
    expect(await keyring.unwrap(person('grace'), after.box)).toEqual(after.secret);
    expect(await keyring.wrap(person('ada'), key())).toBe(GONE);
  });

  it('says that it is missing, or damaged', async () => {
    await expect(FileKeyring.open(newPath())).rejects.toMatchObject({ code: 'KEYRING_MISSING' });
    const path = newPath();
    await FileKeyring.create(path);
    const whole = await readFile(path);
    for (const damaged of [
      whole.subarray(0, whole.length / 2),
      Buffer.concat([whole.subarray(0, -33), Buffer.from([(whole.at(-33) ?? 0) ^ 1]), whole.subarray(-32)]),
      Buffer.from('no keyring'),
      Buffer.alloc(0),
    ]) {
      await writeFile(path, damaged);
      await expect(FileKeyring.open(path)).rejects.toMatchObject({ code: 'KEYRING_DAMAGED' });
    }
  });

  it('of the first format is read as it is, and gets the present one with the next change', async () => {
    const path = newPath();
    const former = new URL('fixtures/first-format.keyring', import.meta.url);
    await copyFile(former, path);
    const keyring = await FileKeyring.open(path);
    const { subject, secret, box } = JSON.parse(
      await readFile(new URL('fixtures/first-format.json', import.meta.url), 'utf8'),
    );
    const unwrapped = async (from: FileKeyring) => {
      const opened = await from.unwrap(subject, Buffer.from(box, 'base64'));
      return opened === GONE ? GONE : opened.toString('base64');
    };
    expect([await keyring.erasures(), await keyring.isErased(person('ada'))]).toEqual([1, true]);
    expect(await unwrapped(keyring)).toBe(secret);
    await keyring.erase(person('eve'));
    const again = await FileKeyring.open(path);
    expect(await unwrapped(again)).toBe(secret);
    expect([await again.erasures(), await again.isErased(person('ada')), await again.isErased(person('eve'))]).toEqual([
      ...[2, true, true],
    ]);
    expect(again.id).toBe(keyring.id);
    expect(again.hashKey).toEqual(keyring.hashKey);
    await again.erase(subject);
    expect(await unwrapped(again)).toBe(GONE);
  });

  it('grows by at most 4 kB with each erasure, and a rotation that forgets what was before takes all of it back', async () => {
    const path = newPath();
    const keyring = await FileKeyring.create(path);
    const size = async () => (await stat(path)).size;
    const before = await size();
    const count = 50;
    for (let nth = 0; nth < count; nth++) await keyring.erase(person(`${nth}`));
    expect((await size()) - before).toBeLessThan(count * 4000);
    await keyring.rotate({});
    await keyring.rotate({ forgetsFormer: true });
    // The names of the erased stay.
    expect((await size()) - before).toBeLessThan(count * 8 + 20);
    expect(await keyring.wrap(person('7'), key())).toBe(GONE);
  });

  it('refuses another keyring or an older copy in its place, and goes on when it is back', async () => {
    const [path, copy, kept] = [newPath(), newPath(), newPath()];
    const keyring = await FileKeyring.create(path);
    const { secret, box } = await wrapped(keyring, 'grace');
    await copyFile(path, copy);
    await keyring.erase(person('ada'));
    await rename(path, kept);
    await copyFile(copy, path);
    const unwrap = () => keyring.unwrap(person('grace'), box).catch((error) => error.code);
    await expect.poll(unwrap).toBe('KEYRING_OUTDATED');
    await expect(keyring.erase(person('eve'))).rejects.toMatchObject({ code: 'KEYRING_OUTDATED' });
    await rm(path);
    await expect.poll(unwrap).toBe('KEYRING_MISSING');
    await FileKeyring.create(path);
    await expect.poll(unwrap).toBe('KEYRING_FOREIGN');
    await rename(kept, path);
    await expect.poll(unwrap).toEqual(secret);
  });

  it('is not changed where it cannot be written, and can be read there', async () => {
    const own = await mkdtemp(join(folder, 'read-only-'));
    const path = join(own, 'keyring');
    const keyring = await FileKeyring.create(path);
    const { secret, box } = await wrapped(keyring, 'ada');
    const before = await readFile(path, 'utf8');
    // Root may write everywhere, but not into a folder that has the name of the lock.
    await chmod(own, 0o500);
    if (process.getuid?.() === 0) {
      await rm(own, { recursive: true });
      await writeFile(own, '');
      await expect(keyring.erase(person('ada'))).rejects.toMatchObject({ code: 'KEYRING_READ_ONLY' });
      return;
    }
    await expect(keyring.erase(person('ada'))).rejects.toMatchObject({ code: 'KEYRING_READ_ONLY' });
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await keyring.unwrap(person('ada'), box)).toEqual(secret);
    await chmod(own, 0o700);
  });

  it('keeps every erasure of processes that erase at the same time', async () => {
    const path = newPath();
    await FileKeyring.create(path);
    const program = new URL('./erase-many.ts', import.meta.url);
    const ended = ['a', 'b', 'c'].map(
      (name) =>
        new Promise<number | null>((resolve, reject) => {
          const child = fork(program, [path, name, '5'], { execArgv: process.execArgv });
          child.once('error', reject);
          child.once('exit', resolve);
        }),
    );
    expect(await Promise.all(ended)).toEqual([0, 0, 0]);
    const keyring = await FileKeyring.open(path);
    expect(await keyring.erasures()).toBe(15);
    for (const name of ['a', 'b', 'c']) expect(await keyring.isErased(person(`${name}4`))).toBe(true);
  });
});
