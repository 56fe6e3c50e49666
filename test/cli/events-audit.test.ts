import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { registerCustomer } from '../../src/domains/customers/index.ts';
import { domains } from '../../src/domains/index.ts';
import type { SigningKey } from '../../src/kernel/audit/heads/next-head.ts';
import { system } from '../support/kernel/counter.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { forge, hashedAgainFrom, newSigningKey, signHeadNow } from '../support/kernel/forging.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { runCli, useFolder } from './support.ts';

const database = useDatabase();
const openEngine = useEngine(database, domains);
const anyFolder = useFolder();

let folder: string;
const audit = (args: readonly string[] = [], env: Record<string, string> = {}) =>
  runCli(database.url, ['events', 'audit', ...args], env, { folder });
const publicPem = ({ publicKeys }: SigningKey) =>
  [...publicKeys.values()].map((each) => each.export({ type: 'spki', format: 'pem' })).join('');
const privatePem = ({ privateKey }: SigningKey) => String(privateKey.export({ type: 'pkcs8', format: 'pem' }));

let key: SigningKey;

/** Seven customers, of which the first five are signed, and a witness that has the head. */
beforeEach(async () => {
  folder = await anyFolder();
  key = newSigningKey();
  const { bus, database: opened } = await openEngine();
  for (let n = 1; n <= 7; n++) {
    await bus.execute(registerCustomer, { name: `Customer ${n}`, email: `c${n}@example.org` }, system);
    if (n !== 5) continue;
    await writeFile(join(folder, 'heads.ndjson'), `${await signHeadNow(opened.owner.db, key)}\n`);
  }
  await writeFile(join(folder, 'audit.pub'), publicPem(key));
  await writeFile(join(folder, 'other.pub'), publicPem(newSigningKey()));
});

const alter = `update es.events set data = jsonb_set(data, '{name}', '"Mallory"') where position = 3;`;

describe('events audit of a log as it was written', () => {
  it('says what is proved, and by which heads', async () => {
    const { code, stdout } = await audit(['--key', 'audit.pub', '--witness', 'heads.ndjson']);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'The events 1 to 7 (7) form an unbroken chain.',
      expect.stringMatching(
        /^Up to 5 they are what was signed, last at 20.*Z: they agree with 1 heads of the log and 1 of the witness\.$/,
      ),
      'The witness reaches up to 5.',
      'The last 2 are not proved, since no head covers them: whoever can write to the database could have written them anew.',
    ]);
    expect(code).toBe(0);
  });

  it('says that nothing is proved without a key', async () => {
    const { code, stdout } = await audit();
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('The last 7 are not proved, since no key was given to verify heads with'),
    ]);
  });

  it('takes the key of AUDIT_KEY, unless --key names another', async () => {
    const env = { AUDIT_KEY: privatePem(key) };
    expect((await audit([], env)).stdout).toContain('Up to 5 they are what was signed');
    const { code, stdout } = await audit(['--key', 'other.pub'], env);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^(1-)?5\t.*another key/)]);
  });
});

describe('events audit of a forged log', () => {
  it('names the first event that was altered, and fails', async () => {
    await forge(database, alter);
    const { code, stdout, stderr } = await audit();
    expect(stdout).toMatch(/^3\tthe event was altered/);
    expect(stdout).not.toContain('unbroken chain');
    expect(stderr).toContain('Error LOG_ALTERED: The log is not what was written, from position 3 on.');
    expect(code).toBe(1);
  });

  it('finds hashes that were computed again with the key, and without heads with the witness', async () => {
    await forge(database, alter + hashedAgainFrom(3));
    expect(await audit()).toMatchObject({ code: 0 });
    const found = { code: 1, stdout: expect.stringMatching(/^1-5\t/) };
    expect(await audit(['--key', 'audit.pub'])).toMatchObject(found);
    await forge(database, 'delete from es.heads;');
    expect(await audit(['--key', 'audit.pub', '--witness', 'heads.ndjson'])).toMatchObject(found);
  });

  it('finds what `events check` finds up to the end of the log, if all of it is audited', async () => {
    await forge(
      database,
      'delete from es.streams where stream_id = (select stream_id from es.events where position = 7);',
    );
    const { code, stdout } = await audit(['--key', 'audit.pub']);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^7\t/m)]);
    expect(await audit(['--key', 'audit.pub', '--from', '1', '--to', '7'])).toMatchObject({ code: 0 });
  });
});
