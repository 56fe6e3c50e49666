import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { copyBinaries, findBinaries, repairBinaries } from '../../../src/database/embedded/binaries.ts';
import { prepareAccess } from '../../../src/database/embedded/privileges.ts';
import { lacks } from '../../support/server/environment.ts';
import { cleanUp, Other, postmasterPid, query, start, temporaryFolder } from './helpers.ts';

let folder: string;
let dataDir: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder, 'data');
});
afterEach(cleanUp);

const owner = (path: string) => statSync(path).uid;
const postgresUid = () =>
  Number(/Uid:\s+(\d+)/.exec(readFileSync(`/proc/${postmasterPid(dataDir)}/status`, 'utf8'))?.[1]);
const openFolder = () => chmodSync(folder, 0o755);

describe.skipIf(lacks('root'))('root', () => {
  test.skipIf(lacks('user namespaces'))(
    'runs Postgres in a user namespace below a folder that only root may enter',
    async () => {
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      const server = await start(dataDir, {}, { rootWays: ['namespace'] });
      expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
      expect([owner(join(dataDir, 'postgres')), owner(join(dataDir, 'postgres', 'PG_VERSION'))]).toEqual([0, 0]);
      await server.release();
      expect(postmasterPid(dataDir)).toBeUndefined();
    },
  );

  test('runs it as another user if namespaces are not to be had', async () => {
    openFolder();
    const server = await start(dataDir, {}, { rootWays: ['drop'] });
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(postgresUid()).not.toBe(0);
    expect(owner(join(dataDir, 'postgres'))).toBe(postgresUid());
    expect([owner(dataDir), owner(join(dataDir, 'password'))]).toEqual([0, 0]);
    await server.release();
    expect(postmasterPid(dataDir)).toBeUndefined();
  });

  test('runs it as the owner of a cluster that belongs to another user', async () => {
    openFolder();
    const dropped = await start(dataDir, {}, { rootWays: ['drop'] });
    await query(dropped.url, 'create table kept as select 42 as answer');
    const uid = postgresUid();
    await dropped.release();
    const server = await start(dataDir);
    expect(postgresUid()).toBe(uid);
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test.skipIf(lacks('user namespaces'))(
    'hands its own cluster over if namespaces are no longer to be had',
    async () => {
      openFolder();
      const own = await start(dataDir, {}, { rootWays: ['namespace'] });
      await query(own.url, 'create table kept as select 42 as answer');
      await own.release();
      const server = await start(dataDir, {}, { rootWays: ['drop'] });
      expect(postgresUid()).not.toBe(0);
      expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    },
  );

  test('is told to set DATA_DIR when the other user can not reach it', async () => {
    await expect(start(dataDir, {}, { rootWays: ['drop'] })).rejects.toMatchObject({
      code: 'data_dir_unreachable',
      message: expect.stringContaining('DATA_DIR'),
    });
  });

  test('is told so when there is no way left', async () => {
    await expect(start(dataDir, {}, { rootWays: [] })).rejects.toMatchObject({ code: 'no_ordinary_user' });
  });

  test('copies programs that the other user can not reach, once', async () => {
    openFolder();
    const hidden = await copyBinaries(await findBinaries(), join(folder, 'hidden'));
    await chmod(join(folder, 'hidden'), 0o700);
    const cluster = join(dataDir, 'cluster');
    await mkdir(cluster, { recursive: true, mode: 0o700 });
    const first = await prepareAccess(cluster, dataDir, hidden, ['drop']);
    expect(first.binaries.native).toBe(join(dataDir, 'binaries', hidden.version));
    expect(first.identity.user?.uid).toBeGreaterThan(0);
    const made = statSync(first.binaries.native).ctimeMs;
    const second = await prepareAccess(cluster, dataDir, hidden, ['drop']);
    expect(second).toEqual(first);
    expect(statSync(second.binaries.native).ctimeMs).toBe(made);
  });

  test.skipIf(lacks('mount namespaces'))('is told when there is no space left', async () => {
    mkdirSync(dataDir);
    const mount = ['unshare', '--mount', 'sh', '-c', `mount -t tmpfs -o size=4m none ${dataDir} && exec "$@"`, 'sh'];
    const line = await new Other(dataDir, mount).started();
    expect(line).toMatchObject({ code: 'no_space', message: expect.stringContaining('space') });
  });
});

describe.skipIf(lacks('root', 'user namespaces'))('an ordinary user', () => {
  test('runs Postgres as itself', async () => {
    const other = Other.unprivileged(dataDir);
    const { url = '' } = await other.started();
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await other.release();
    expect(postmasterPid(dataDir)).toBeUndefined();
  });

  test('is told when the cluster belongs to another user', async () => {
    await (await start(dataDir)).release();
    chownSync(join(dataDir, 'postgres'), 12_345, 12_345);
    chmodSync(join(dataDir, 'postgres'), 0o755);
    expect(await Other.unprivileged(dataDir).started()).toMatchObject({ code: 'wrong_owner' });
  });

  test('is told when the data folder is not writable', async () => {
    mkdirSync(dataDir, { mode: 0o555 });
    expect(await Other.unprivileged(dataDir).started()).toMatchObject({
      code: 'data_dir_unusable',
      message: expect.stringMatching(/make it writable or set DATA_DIR/),
    });
  });
});

describe('the programs', () => {
  test('are repaired when no install script has run', async () => {
    const { native } = await findBinaries();
    const copy = join(folder, 'native');
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    await rm(join(copy, 'lib', 'libpq.so.5'));
    for (const name of await readdir(join(copy, 'bin'))) await chmod(join(copy, 'bin', name), 0o644);
    await repairBinaries(copy);
    expect(await readlink(join(copy, 'lib', 'libpq.so.5'))).toMatch(/^libpq\.so\.5\.\d+$/);
    expect(existsSync(join(copy, 'lib', 'libpq.so.5'))).toBe(true);
    expect(spawnSync(join(copy, 'bin', 'postgres'), ['--version']).status).toBe(0);
  });

  test('are refused with one sentence when they can not be used', async () => {
    await mkdir(join(folder, 'native'));
    await expect(repairBinaries(join(folder, 'native'))).rejects.toMatchObject({ code: 'binaries_unusable' });
  });
});
