import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { type KeyringContent, withErased } from '../../../src/kernel/privacy/file-keyring/keyring-content.ts';
import { GONE } from '../../../src/kernel/privacy/keyring.ts';
import { keyringOfTenant } from '../../../src/kernel/privacy/tenant-keyring.ts';

async function newKeyring() {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-keyring-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'keyring');
  return { path, keyring: await FileKeyring.create(path) };
}

it('a subject of one tenant is erased, and the subject of the same name of another tenant stays', async () => {
  const { keyring } = await newKeyring();
  const [acme, globex] = ['acme', 'globex'].map((tenant) => keyringOfTenant(keyring, tenant));
  if (!acme || !globex) throw new Error('There are two.');
  const [subject, key] = ['customer/1' as const, randomBytes(32)];
  const wrapped = (await globex.wrap(subject, key)) as Buffer;
  await expect(acme.unwrap(subject, wrapped)).rejects.toMatchObject({ code: 'KEY_DAMAGED' });
  await acme.erase(subject);
  expect(await acme.isErased(subject)).toBe(true);
  expect(await acme.wrap(subject, key)).toBe(GONE);
  expect(await globex.isErased(subject)).toBe(false);
  expect(await globex.unwrap(subject, wrapped)).toEqual(key);
  expect(acme.hashKey).not.toEqual(globex.hashKey);
});

it('the keyring knows whose an erased subject is, also in a process that reads it later', async () => {
  const { path, keyring } = await newKeyring();
  await keyringOfTenant(keyring, 'acme').erase('customer/1');
  const read = await FileKeyring.open(path);
  const [acme, globex] = ['acme', 'globex'].map((tenant) => keyringOfTenant(read, tenant));
  expect(await acme?.mayHaveErased(0)).toBe(true);
  expect(await globex?.mayHaveErased(0)).toBe(false);
  expect(await acme?.mayHaveErased(1)).toBe(false);
  // Somebody of whom nobody says whose they are may be anybody's.
  await read.erase('customer/2');
  expect(await globex?.mayHaveErased(1)).toBe(true);
  expect(await globex?.mayHaveErased(2)).toBe(false);
  // A store that has it alone need not be told.
  expect(await read.mayHaveErased(1)).toBe(true);
});

it('the keyring remembers whose the newest thousand erased are, and says of older ones that they may be anybody’s', () => {
  const none = { id: '', hashKey: randomBytes(32), erased: [], owners: [], generations: [] };
  let content: KeyringContent = none;
  for (let n = 0; n < 1500; n++) content = withErased(content, `${n}`, 'acme');
  expect(content.erased).toHaveLength(1500);
  expect([content.owners.length, content.owners[0]?.[0], content.owners.at(-1)?.[0]]).toEqual([1000, 500, 1499]);
});
