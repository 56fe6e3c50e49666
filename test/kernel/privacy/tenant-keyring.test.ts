import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { GONE } from '../../../src/kernel/privacy/keyring.ts';
import { keyringOfTenant } from '../../../src/kernel/privacy/tenant-keyring.ts';

it('a subject of one tenant is erased, and the subject of the same name of another tenant stays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-keyring-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'keyring');
  await FileKeyring.create(path);
  const keyring = await FileKeyring.open(path);
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
