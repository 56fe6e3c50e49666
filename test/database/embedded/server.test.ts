import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isPostmasterOf } from '../../../src/database/embedded/processes.ts';
import type { DatabaseOccurrences } from '../../../src/database/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { cleanUp, killAndWait, LIGHT, Other, postmasterPid, query, start, temporaryFolder, until } from './helpers.ts';

let folder: string;
let dataDir: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder, 'data');
});
afterEach(cleanUp);

const runs = () => {
  const pid = postmasterPid(dataDir);
  return pid !== undefined && isPostmasterOf(pid, join(dataDir, 'postgres'));
};

const stepsTo = (take: (step: string) => void) =>
  new Observer<DatabaseOccurrences>([{ postgresStepBegun: ({ step }) => take(step) }]);

describe('the first start', () => {
  test('creates the cluster and the database, and release stops Postgres', async () => {
    const lines: string[] = [];
    const server = await start(dataDir, { observer: stepsTo((step) => lines.push(step)) });
    expect(server.adopted).toBe(false);
    expect(server.url).toMatch(/^postgres:\/\/afterwrite:[0-9a-f]{48}@127\.0\.0\.1:\d+\/afterwrite$/);
    const settings = `select current_database() as name, current_user as user, inet_server_addr()::text as address,
      getdatabaseencoding() as encoding, current_setting('jit') as jit, current_setting('fsync') as fsync`;
    expect(await query(server.url, settings)).toEqual([
      { name: 'afterwrite', user: 'afterwrite', address: '127.0.0.1/32', encoding: 'UTF8', jit: 'off', fsync: 'off' },
    ]);
    expect(lines).toEqual([
      expect.stringMatching(/^creating a Postgres 18 cluster in /),
      expect.stringMatching(/^starting Postgres 18/),
    ]);
    await Promise.all([server.release(), server.release()]);
    expect(runs()).toBe(false);
    await server.release();
  });

  test('keeps the folder, the password and the log private', async () => {
    await start(dataDir);
    const modes = ['.', 'password', 'postgres', 'postgres.log'].map(
      (name) => statSync(join(dataDir, name)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o600, 0o700, 0o600]);
  });

  test('refuses a connection with a wrong password', async () => {
    const { url } = await start(dataDir);
    await expect(query(url.replace(/:[0-9a-f]{48}@/, ':wrong@'), 'select 1')).rejects.toThrow(/password/);
  });

  test('puts Postgres into a session of its own, which Ctrl-C does not reach', async () => {
    await start(dataDir);
    const pid = postmasterPid(dataDir) ?? 0;
    const session = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
    expect(Number(session)).toBe(pid);
  });

  test('is made by one of several processes at once, and the last to release stops it', async () => {
    const others = [1, 2, 3, 4].map(() => new Other(dataDir));
    const started = await Promise.all(others.map((other) => other.started()));
    expect(started.map((line) => line.adopted).sort()).toEqual([false, true, true, true]);
    expect(new Set(started.map((line) => line.url)).size).toBe(1);
    const [first, ...rest] = others;
    await Promise.all(rest.map((other) => other.release()));
    expect(runs()).toBe(true);
    await first?.release();
    expect(runs()).toBe(false);
  });
});

describe('a later start', () => {
  test('finds the data and the password of the earlier one', async () => {
    const first = await start(dataDir);
    await query(first.url, 'create table kept as select 42 as answer');
    await first.release();
    const second = await start(dataDir);
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('in the same process shares the server', async () => {
    const [one, two] = await Promise.all([start(dataDir), start(dataDir)]);
    expect(one.url).toBe(two.url);
    await one.release();
    expect(await query(two.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await two.release();
    expect(runs()).toBe(false);
  });

  test('takes over the Postgres of a process that was killed, and stops it in the end', async () => {
    const killed = new Other(dataDir);
    const { url = '' } = await killed.started();
    await query(url, 'create table kept as select 42 as answer');
    await killed.kill();
    const server = await start(dataDir);
    expect(server).toMatchObject({ adopted: true, url });
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await server.release();
    expect(runs()).toBe(false);
    expect(await readdir(join(dataDir, 'users'))).toEqual([]);
  });

  test('starts again after Postgres was killed, with everything that was committed', async () => {
    const first = await start(dataDir);
    await query(first.url, 'create table kept as select 42 as answer');
    await killAndWait(postmasterPid(dataDir) ?? 0);
    const second = await start(dataDir);
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('waits for the processes that a killed Postgres left', async () => {
    const first = await start(dataDir);
    const busy = 'do $$ begin loop perform 1; end loop; end $$ /* busy */';
    const looping = query(first.url, busy).catch(() => 'killed');
    let backend = 0;
    await until(async () => {
      const rows = await query(first.url, "select pid from pg_stat_activity where query like 'do %'");
      backend = Number(rows[0]?.pid ?? 0);
      return backend > 0;
    });
    await killAndWait(postmasterPid(dataDir) ?? 0);
    await expect(start(dataDir, {}, { orphanPatience: 0 })).rejects.toMatchObject({ code: 'orphans_remain' });
    const lines: string[] = [];
    const observer = stepsTo((step) => {
      lines.push(step);
      if (step.startsWith('waiting for')) process.kill(backend, 'SIGKILL');
    });
    const second = await start(dataDir, { observer });
    expect(lines).toContain('waiting for the processes of a Postgres that was killed to end');
    expect(await looping).toBe('killed');
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('is not held up by a postmaster.pid whose number another program has now', async () => {
    const first = await start(dataDir);
    const file = join(dataDir, 'postgres', 'postmaster.pid');
    const lines = readFileSync(file, 'utf8').split('\n');
    await first.release();
    await writeFile(file, [process.pid, ...lines.slice(1)].join('\n'), { mode: 0o600 });
    expect((await start(dataDir)).adopted).toBe(false);
  });

  test('makes the cluster when an earlier process was killed while making it', async () => {
    const killed = new Other(dataDir);
    await until(() => halfMade().length > 0);
    await killed.kill();
    expect(halfMade()).toHaveLength(1);
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
    const server = await start(dataDir);
    expect(server.adopted).toBe(false);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('puts a log of more than 10 MB aside', async () => {
    await (await start(dataDir)).release();
    await truncate(join(dataDir, 'postgres.log'), 11 * 1024 * 1024);
    await start(dataDir);
    expect(statSync(join(dataDir, 'postgres.log.1')).size).toBe(11 * 1024 * 1024);
    expect(statSync(join(dataDir, 'postgres.log')).size).toBeLessThan(1024 * 1024);
  });
});

describe('an error says what to do', () => {
  test('when the cluster is of another major version', async () => {
    await (await start(dataDir)).release();
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '15\n');
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'other_major_version',
      message: expect.stringContaining('made by Postgres 15, and this is Postgres 18'),
    });
  });

  test('when the folder holds something else', async () => {
    await mkdir(join(dataDir, 'postgres', 'photos'), { recursive: true });
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'not_a_cluster' });
    expect(existsSync(join(dataDir, 'postgres', 'photos'))).toBe(true);
  });

  test('when Postgres ends while starting, in its own words', async () => {
    const settings = { ...LIGHT, shared_buffers: 'plenty' };
    await expect(start(dataDir, { settings })).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"'),
    });
    expect((await start(dataDir)).adopted).toBe(false);
  });

  test('when the password file is gone or of another cluster', async () => {
    await (await start(dataDir)).release();
    await writeFile(join(dataDir, 'password'), 'other\n');
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'password_wrong' });
    await rm(join(dataDir, 'password'));
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'password_missing' });
    expect(runs()).toBe(false);
  });

  test('when the data folder is a file', async () => {
    await writeFile(dataDir, '');
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'data_dir_unusable',
      message: expect.stringContaining('DATA_DIR'),
    });
  });
});

function halfMade(): string[] {
  return existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name.startsWith('initdb-')) : [];
}
