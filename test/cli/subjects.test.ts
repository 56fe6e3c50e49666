import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerCustomer, renameCustomer } from '../../src/domains/customers/customer.ts';
import { domains } from '../../src/domains/index.ts';
import { createNote } from '../../src/domains/notes/index.ts';
import { FileKeyring } from '../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import { customer, system } from '../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../support/kernel/engine.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';
import { runCli } from './support.ts';

const database = useDatabase();
const openEngine = useEngine(database, domains);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subjects-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const keyringPath = () => join(folder, new URL(database.url).pathname.slice(1));
const cli = (...args: string[]) =>
  runCli(database.url, ['subjects', ...args], { KEYRING_URL: `file:${keyringPath()}` });

/** Ada renames herself and writes a note with lines that look like something else; staff register Bob. */
async function people(engine: TestEngine): Promise<{ ada: string; bob: string }> {
  const [ada, bob] = await Promise.all(
    ['Ada', 'Bob'].map(async (name) => {
      const input = { name, email: `${name.toLowerCase()}@example.org` };
      return receiptOf(await engine.bus.execute(registerCustomer, input, system)).aggregateId;
    }),
  );
  const self = { actor: customer(ada as string) };
  receiptOf(await engine.bus.execute(renameCustomer, { customerId: ada as string, name: 'Countess' }, self));
  const note = { title: 'Plans', content: 'one\nname: Mallory\n\u001b[2Jgone' };
  receiptOf(await engine.bus.execute(createNote, note, self));
  return { ada: ada as string, bob: bob as string };
}

describe('subjects', () => {
  it('shows, exports and erases a person from the command line, and nobody else', async () => {
    const engine = await openEngine({ start: true, keyring: await FileKeyring.create(keyringPath()) });
    const { ada, bob } = await people(engine);

    const listed = await cli('list', '--json');
    expect(JSON.parse(listed.stdout)).toEqual(
      [
        { subject: `customer/${ada}`, events: 3, erasedAt: null },
        { subject: `customer/${bob}`, events: 1, erasedAt: null },
      ].toSorted((a, b) => (a.subject < b.subject ? -1 : 1)),
    );
    expect((await cli('show', `customer/${ada}`)).stdout).toContain('Never erased.');

    const exported = JSON.parse((await cli('export', `customer/${ada}`)).stdout);
    expect(exported).toMatchObject({ subject: `customer/${ada}`, count: 3 });
    expect(exported.events).toMatchObject([
      { type: 'CustomerRegistered', by: 'somebody else', data: { name: 'Ada', email: 'ada@example.org' } },
      { type: 'CustomerRenamed', by: 'you', data: { name: 'Countess' } },
      { type: 'NoteCreated', by: 'you', data: { content: 'one\nname: Mallory\n\u001b[2Jgone' } },
    ]);
    const { stdout: text } = await cli('export', `customer/${ada}`, '--format', 'text');
    expect(text).toContain('customer renamed');
    expect(text).toContain('name: Countess');
    // A line of a text cannot be taken for a member, and nothing is executed by a terminal.
    expect(text).toMatch(/content:\n +\| one\n +\| name: Mallory\n +\| \\u001b\[2Jgone\n/);
    expect(text).not.toContain('Bob');

    const unsure = await cli('erase', `customer/${ada}`, '--reason', 'asked for');
    expect(unsure).toMatchObject({ code: 1, stderr: expect.stringContaining('NOT_CONFIRMED') });
    const erased = await cli('erase', `customer/${ada}`, '--reason', 'asked for', '--yes');
    expect(erased).toMatchObject({ code: 0, stdout: expect.stringContaining('No read model has anything of them') });
    const after = (await cli('export', `customer/${ada}`)).stdout;
    for (const value of ['Ada', 'ada@', 'Countess', 'Plans', 'Mallory']) expect(after).not.toContain(value);
    expect(JSON.parse(after).events[0].data).toMatchObject({ name: '[erased]' });
    expect((await cli('show', `customer/${ada}`)).stdout).toMatch(/Erased at \S+ by cli:\S+ .*asked for/);
    expect((await cli('export', `customer/${bob}`)).stdout).toContain('bob@example.org');
    const rows = await database.sql`select name from read.customers_v2 order by name collate "C"`;
    expect(rows).toEqual([{ name: 'Bob' }, { name: '[erased]' }]);
  });

  it('finds plain personal data, and erased people of whom a restored backup does not know it', async () => {
    const without = await openEngine({ start: true });
    await people(without);
    await without.close();
    const keyring = await FileKeyring.create(keyringPath());
    const plain = await cli('check');
    expect(plain).toMatchObject({ code: 1, stderr: expect.stringContaining('PLAIN_DATA') });
    expect(plain.stdout).toContain(
      'CustomerRegistered: 2 events with personal data in plain text, the first at position ',
    );
    const engine = await openEngine({ start: true, keyring });
    await engine.subjects.encryptExisting();
    const { ada } = await people(engine);
    await engine.close();
    expect(await cli('check')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('All personal data is encrypted'),
    });

    // As in a backup from before the erasure.
    await keyring.erase(`customer/${ada}`);
    const restored = await cli('check', '--json');
    expect(restored.code).toBe(1);
    expect(JSON.parse(restored.stdout)).toMatchObject({ plain: [], unrecorded: [`customer/${ada}`], outdated: [] });
    const server = await openEngine({ start: true, keyring });
    await until(async () => (await server.subjects.show(`customer/${ada}`)).erasedAt !== null);
    await server.subjects.settled();
    expect((await cli('check')).code).toBe(0);
  });

  it('finds data that is kept beyond its day, and days that a restored backup does not know to be over', async () => {
    const keyring = await FileKeyring.create(keyringPath());
    const engine = await openEngine({ keyring });
    for (const day of ['2001-01-01', '2001-01-02', '2999-01-01'])
      await engine.keys?.forWriting([{ subject: 'customer/ada', until: day }]);
    await keyring.erase('until/2001-01-02');
    const { code, stdout } = await cli('check');
    expect(code).toBe(1);
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^until\/2001-01-02: erased in the keyring, and the store does not know it/),
      expect.stringMatching(/^until\/2001-01-01: 1 key of data that was to be kept until 2001-01-01/),
    ]);
    await engine.start();
    await until(async () => (await cli('check')).code === 0);
    expect(engine.faults).toEqual([]);
  });

  it('exports what was stored before there was a keyring', async () => {
    const engine = await openEngine({ start: true });
    const { ada } = await people(engine);
    const { stdout } = await runCli(database.url, ['subjects', 'export', `customer/${ada}`]);
    expect(JSON.parse(stdout)).toMatchObject({
      count: 3,
      events: [{ data: { name: 'Ada' } }, { data: { name: 'Countess' } }, { type: 'NoteCreated', relation: 'about' }],
    });
    const refused = await runCli(database.url, ['subjects', 'erase', `customer/${ada}`, '--reason', 'x', '--yes']);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('KEYRING_UNSET') });
  });

  it('encrypts from the command line what was stored before there was a keyring', async () => {
    const { ada } = await people(await openEngine({ start: true }));
    await FileKeyring.create(keyringPath());
    expect((await cli('erase', 'customer/nobody', '--reason', 'asked', '--yes')).stdout).toContain(
      'are plain text with what they say of them',
    );
    expect(await cli('encrypt-existing')).toMatchObject({ code: 1, stderr: expect.stringContaining('NOT_CONFIRMED') });
    expect(await database.sql`select from es.events where data ? '$personal'`).toHaveLength(0);
    expect(await cli('encrypt-existing', '--yes')).toMatchObject({ code: 0, stdout: '4 events were encrypted.\n' });
    expect(JSON.stringify(await database.sql`select data from es.events`)).not.toContain('Countess');
    expect(await cli('erase', `customer/${ada}`, '--reason', 'asked', '--yes')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('No read model has anything of them any more.'),
    });
    expect((await cli('export', `customer/${ada}`)).stdout).not.toContain('Countess');
  });

  it('refuses what names nobody', async () => {
    await openEngine({ start: true, keyring: await FileKeyring.create(keyringPath()) });
    for (const command of [['show'], ['export'], ['erase', '--reason', 'x', '--yes']]) {
      const [name = '', ...rest] = command;
      expect(await cli(name, 'ada', ...rest)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('SUBJECT_MALFORMED'),
      });
    }
  });
});
