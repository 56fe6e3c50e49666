import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/cli/run.ts';
import { openSharedDatabase } from '../../src/database/tenancy/shared-database.ts';
import type { Subject } from '../../src/kernel/define/personal/subject.ts';
import { createEngine } from '../../src/kernel/engine.ts';
import { FileKeyring } from '../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { keyringOfTenant } from '../../src/kernel/privacy/tenant-keyring.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { shopOf } from '../support/tenants/tenants.ts';

const database = useDatabase();
const openEngine = useEngine(database, []);
let folder = '';
let path = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
beforeEach(() => {
  path = join(folder, randomUUID());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function rotate(tenants: 'column' | undefined, ...args: string[]) {
  const written = { out: '', err: '' };
  const stream = (to: keyof typeof written) =>
    new Writable({
      write: (chunk, _, done) => {
        written[to] += String(chunk);
        done();
      },
    });
  const app = { ...shopOf('column'), ...(tenants ? {} : { tenants: undefined }), commands: async () => [] };
  const code = await runCommand(
    app,
    {
      ...{ app, folder: process.cwd(), env: { DATABASE_URL: database.url, KEYRING_URL: `file:${path}` } },
      ...{ out: stream('out'), err: stream('err'), signal: new AbortController().signal },
    },
    ['keyring', 'rotate', ...args],
  );
  return { code, ...written };
}

const ada: Subject = 'customer/ada';
const refs = [{ subject: ada }, { subject: ada, until: '2999-01-01' }];

/** The data keys of one person in the store of a tenant, as a server that has just started has them. */
async function keysOf(tenant: string): Promise<unknown[]> {
  const shared = await openSharedDatabase({ url: database.url, connections: { writer: 1, projector: 2, reader: 1 } });
  const keyring = keyringOfTenant(await FileKeyring.open(path), tenant);
  const engine = createEngine({ database: await shared.open(tenant), domains: [], keyring });
  try {
    await engine.start();
    const lookup = await engine.keys?.forWriting(refs);
    return refs.map((ref) => lookup?.(ref));
  } finally {
    await engine.drain();
    await engine.stop();
    await shared.close(1000);
  }
}

describe('keyring rotate', () => {
  it('destroys nothing if the database belongs to another keyring, or to none', async () => {
    await openEngine({ start: true });
    await FileKeyring.create(path);
    const before = await readFile(path, 'utf8');
    const refused = { code: 1, err: expect.stringContaining('KEYRING_FOREIGN') };
    expect(await rotate(undefined, '--forget-former')).toMatchObject(refused);
    await openEngine({ start: true, keyring: await FileKeyring.create(join(folder, randomUUID())) });
    expect(await rotate(undefined, '--forget-former')).toMatchObject(refused);
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('has servers refuse a copy of the keyring from before, at their start and while they run', async () => {
    const keyring = await FileKeyring.create(path);
    const { keys } = await openEngine({ start: true, keyring });
    await keys?.forWriting(refs);
    const newest = `${path}.newest`;
    const former = await readFile(path);
    expect(await rotate(undefined)).toMatchObject({ code: 0 });
    await rename(path, newest);
    await writeFile(path, former);
    const outdated = { code: 'KEYRING_OUTDATED' };
    await expect(openEngine({ start: true, keyring: await FileKeyring.open(path) })).rejects.toMatchObject(outdated);
    await rename(newest, path);
    const running = await FileKeyring.open(path);
    await rm(path);
    await writeFile(path, former);
    const wrap = () =>
      running.wrap(ada, randomBytes(32)).then(
        () => undefined,
        (error) => error.code,
      );
    await expect.poll(wrap).toBe(outdated.code);
  });

  it('wraps the keys of all tenants again before it destroys the former secrets', async () => {
    await FileKeyring.create(path);
    const before = [await keysOf('acme'), await keysOf('globex')];
    expect(before.flat()).toEqual(Array.from({ length: 4 }, () => expect.any(Buffer)));
    expect(await rotate('column', '--forget-former')).toMatchObject({
      code: 0,
      out: expect.stringContaining('and 4 keys are wrapped with it'),
    });
    expect([await keysOf('acme'), await keysOf('globex')]).toEqual(before);
  });
});
