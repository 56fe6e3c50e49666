import { execFile } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { originHash } from '../../src/kernel/proof/hashes.ts';
import { keyIdOf } from '../../src/kernel/proof/signed-head.ts';
import { exportOf, fileOf, KEYS, ORIGIN } from '../kernel/proof/made-export.ts';
import { childEnvironment } from '../support/server/child-environment.ts';
import { useFolder } from './support.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const script = fileURLToPath(new URL('../../audit/verify-export.mjs', import.meta.url));
const anyFolder = useFolder();

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program in a folder that has no application. */
function runIn(folder: string, program: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: folder, env: childEnvironment() }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

async function auditorsFolder(): Promise<string> {
  const folder = await anyFolder();
  await writeFile(join(folder, 'audit.pub'), KEYS.publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(join(folder, 'log.ndjson'), fileOf(exportOf({ size: 12, heads: [4, 9] })));
  return folder;
}

describe('an auditor who has an export and a public key', () => {
  it('verifies it in any folder, and reads what is proved and what is not', async () => {
    const folder = await auditorsFolder();
    const { code, out } = await runIn(folder, main, 'events', 'verify-export', 'log.ndjson', '--key', 'audit.pub');
    const id = keyIdOf(KEYS.publicKey);
    expect(out.split('\n')).toEqual([
      'PROVED: events 1 to 9 are what was signed.',
      `Log: ${originHash(ORIGIN).toString('hex')}.`,
      `First head: position 4, signed 2026-01-01T00:00:04.000Z with key ${id}. Nothing is proved about the time before.`,
      `Last of 2 heads: position 9, signed 2026-01-01T00:00:09.000Z with key ${id}.`,
      'NOT PROVED: events 10 to 12 are chained to them, but no head in this export signs them.',
      '',
    ]);
    expect(code).toBe(0);
    const own = await runIn(folder, script, 'log.ndjson', 'audit.pub');
    expect(own).toMatchObject({ code: 0, err: '' });
    expect(own.out).toContain('PROVED: events 1 to 9 are what was signed.');
    expect(own.out).toContain('NOT PROVED: events 10 to 12');
    expect(own.out).toContain(originHash(ORIGIN).toString('hex'));
  });

  it('is told if it is the export of another log than the one that they have named', async () => {
    const folder = await auditorsFolder();
    const verify = (origin: string) =>
      runIn(folder, main, 'events', 'verify-export', 'log.ndjson', '--key', 'audit.pub', '--origin', origin);
    const [right, wrong] = [ORIGIN, 'another'].map((text) => originHash(text).toString('hex')) as [string, string];
    expect(await verify(right)).toMatchObject({ code: 0 });
    expect(await verify(wrong)).toMatchObject({ code: 1, out: expect.stringContaining('an export of another log') });
    expect(await verify('staging')).toMatchObject({ code: 2, err: expect.stringContaining('64 hexadecimal digits') });
    expect(await runIn(folder, script, 'log.ndjson', 'audit.pub', right)).toMatchObject({ code: 0 });
    expect(await runIn(folder, script, 'log.ndjson', 'audit.pub', wrong)).toMatchObject({
      ...{ code: 1, out: expect.stringContaining('another log') },
    });
  });

  it('compares it with the heads that a witness has', async () => {
    const folder = await auditorsFolder();
    const text = await readFile(join(folder, 'log.ndjson'), 'utf8');
    const heads = text.split('\n').filter((line) => line.startsWith('{"head"'));
    await writeFile(join(folder, 'heads.ndjson'), `${heads.join('\n')}\n`);
    const given = ['log.ndjson', '--key', 'audit.pub', '--witness', 'heads.ndjson'];
    const { code, out } = await runIn(folder, main, 'events', 'verify-export', ...given);
    expect([code, out]).toEqual([0, expect.stringContaining('The witness has 2 of these heads, and no other.')]);
  });

  it('is told the first position that was altered, with exit code 1', async () => {
    const folder = await auditorsFolder();
    const text = await readFile(join(folder, 'log.ndjson'), 'utf8');
    await writeFile(join(folder, 'log.ndjson'), text.replace(/(:7,.*)Placed/, '$1Closed'));
    const { code, out, err } = await runIn(folder, main, 'events', 'verify-export', 'log.ndjson', '--key', 'audit.pub');
    expect(out).toMatch(/^FAULT at position 7: the event was altered/);
    expect(out).toContain('PROVED: events 1 to 4 are what was signed.');
    expect(err).toContain('Error LOG_ALTERED: The export is not what was written, from position 7 on.');
    expect(code).toBe(1);
    const own = await runIn(folder, script, 'log.ndjson', 'audit.pub');
    expect(own.code).toBe(1);
    expect(own.out).toMatch(/^FAULT at positions 7 to 7: the event was altered/);
    expect(own.out).toContain('PROVED: events 1 to 4 are what was signed.');
  });

  it('is not told that an export without a signed head is fine', async () => {
    const folder = await auditorsFolder();
    await writeFile(join(folder, 'log.ndjson'), fileOf(exportOf({ size: 3, heads: [] })));
    const { code, out, err } = await runIn(folder, main, 'events', 'verify-export', 'log.ndjson', '--key', 'audit.pub');
    expect(out).toBe('NOTHING IS PROVED: no signed head confirms any event of this export.\n');
    expect(err).toContain('Error NOT_PROVED');
    expect(code).toBe(1);
    const own = await runIn(folder, script, 'log.ndjson', 'audit.pub');
    expect(own).toMatchObject({ code: 1, out: expect.stringContaining('PROVED: nothing.') });
  });

  it('is told which file is missing or is no key', async () => {
    const folder = await auditorsFolder();
    const verify = (file: string, key: string) => runIn(folder, main, 'events', 'verify-export', file, '--key', key);
    expect((await verify('other.ndjson', 'audit.pub')).err).toContain(
      'Error NO_SUCH_FILE: other.ndjson cannot be read',
    );
    expect((await verify('log.ndjson', 'other.pub')).err).toContain('Error NO_SUCH_FILE: other.pub cannot be read');
    expect((await verify('log.ndjson', 'log.ndjson')).err).toContain('Error BAD_PUBLIC_KEY');
    const proof = await runIn(folder, main, 'events', 'verify-proof', 'log.ndjson', '--key', 'audit.pub');
    expect(proof).toMatchObject({
      code: 1,
      err: expect.stringContaining('Error NOT_PROVED: The file does not have the form'),
    });
  });
});

describe('audit-key generate', () => {
  it('writes a private key that only its owner may read, and its public key', async () => {
    const folder = await anyFolder();
    const { code, out } = await runIn(folder, main, 'audit-key', 'generate', 'audit.pem');
    expect(code).toBe(0);
    expect((await stat(join(folder, 'audit.pem'))).mode & 0o777).toBe(0o600);
    const [own, published] = await Promise.all(
      ['audit.pem', 'audit.pem.pub'].map((file) => readFile(join(folder, file))),
    );
    const key = createPublicKey(published as Buffer);
    expect(createPublicKey(own as Buffer).equals(key)).toBe(true);
    expect(out).toContain(`Key ${keyIdOf(key)}:`);
  });

  it('never overwrites a key', async () => {
    const folder = await anyFolder();
    await runIn(folder, main, 'audit-key', 'generate', 'audit.pem');
    const before = await readFile(join(folder, 'audit.pem'), 'utf8');
    const { code, err } = await runIn(folder, main, 'audit-key', 'generate', 'audit.pem');
    expect([code, err]).toEqual([1, expect.stringContaining('Error FILE_EXISTS: audit.pem is there already')]);
    expect(await readFile(join(folder, 'audit.pem'), 'utf8')).toBe(before);
  });
});
