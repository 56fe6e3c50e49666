import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { registerCustomer } from '../../src/domains/customers/index.ts';
import { domains } from '../../src/domains/index.ts';
import type { SigningKey } from '../../src/kernel/audit/heads/next-head.ts';
import { system } from '../support/kernel/counter.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { newSigningKey, signHeadNow } from '../support/kernel/forging.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { runCli, useFolder } from './support.ts';

const database = useDatabase();
const openEngine = useEngine(database, domains);
const anyFolder = useFolder();

let folder: string;
let key: SigningKey;
const cli = (...args: string[]) => runCli(database.url, args, {}, { folder });

/** Seven customers, of which the first five are signed. */
beforeEach(async () => {
  folder = await anyFolder();
  key = newSigningKey();
  const { bus, database: opened } = await openEngine();
  for (let n = 1; n <= 7; n++) {
    await bus.execute(registerCustomer, { name: `Customer ${n}`, email: `c${n}@example.org` }, system);
    if (n === 5) await signHeadNow(opened.owner.db, key);
  }
  const pem = [...key.publicKeys.values()].map((each) => each.export({ type: 'spki', format: 'pem' }));
  await writeFile(join(folder, 'audit.pub'), pem.join(''));
});

describe('events export', () => {
  it('writes the log into a file that only its owner may read, and says what is not signed', async () => {
    const { code, stderr } = await cli('events', 'export', 'log.ndjson');
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/Exported 7 events, 1 to 7, of the log [0-9a-f]{64}\. Those after 5 are not signed yet\./),
    ]);
    expect((await stat(join(folder, 'log.ndjson'))).mode & 0o777).toBe(0o600);
    const verified = await cli('events', 'verify-export', 'log.ndjson', '--key', 'audit.pub');
    expect(verified.code).toBe(0);
    expect(verified.stdout).toContain('PROVED: events 1 to 5 are what was signed.');
    expect(verified.stdout).toContain('NOT PROVED: events 6 to 7 are chained to them');
  });

  it('writes a range to standard output, where nothing else is', async () => {
    const { code, stdout } = await cli('events', 'export', '-', '--from', '2', '--to', '3');
    expect(code).toBe(0);
    await writeFile(join(folder, 'range.ndjson'), stdout);
    const verified = await cli('events', 'verify-export', 'range.ndjson', '--key', 'audit.pub');
    expect(verified).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('PROVED: events 2 to 3 are what was signed.'),
    });
    expect(stdout).toContain('Customer 3');
    expect(stdout).not.toContain('Customer 4');
  });

  it('refuses a range that the log does not have, and writes no file', async () => {
    for (const range of [
      ['--to', '8'],
      ['--from', '9'],
      ['--from', '5', '--to', '3'],
    ]) {
      const { code, stderr } = await cli('events', 'export', 'log.ndjson', ...range);
      expect([code, stderr]).toEqual([1, expect.stringContaining('Error NO_SUCH_POSITION')]);
    }
    await expect(stat(join(folder, 'log.ndjson'))).rejects.toThrow('ENOENT');
  });

  it('waits for the hashes of events that are older than the chain', async () => {
    await database.sql`update es.chain set completed_at = null, former_position = 4`;
    const { code, stderr } = await cli('events', 'export', 'log.ndjson');
    expect([code, stderr]).toEqual([1, expect.stringContaining('Error NOT_CHAINED: The events after position 4')]);
    expect((await cli('events', 'export', 'log.ndjson', '--to', '4')).code).toBe(0);
  });
});

describe('events prove', () => {
  it('writes a line that proves one event and shows no other', async () => {
    const { code, stdout } = await cli('events', 'prove', '4');
    expect(code).toBe(0);
    await writeFile(join(folder, 'proof.json'), stdout);
    const verified = await cli('events', 'verify-proof', 'proof.json', '--key', 'audit.pub');
    expect(verified.code).toBe(0);
    expect(verified.stdout).toMatch(/^PROVED: event 4 is in the log as it was at position 5, signed 20/);
    expect(verified.stdout).toContain('Customer 4');
    expect(await readFile(join(folder, 'proof.json'), 'utf8')).not.toContain('Customer 3');
  });

  it('says why there is no proof', async () => {
    const reasonOf = async (position: string) => (await cli('events', 'prove', position)).stderr;
    expect(await reasonOf('6')).toContain(
      'Error NOT_SIGNED_YET: No head signs event 6 yet, or the event that certifies its encryption.',
    );
    expect(await reasonOf('8')).toContain('Error NO_SUCH_POSITION: The log has no event 8');
  });
});
