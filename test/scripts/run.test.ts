import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Launched, launchIn, until } from './launch.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

let root: string;
let children: ChildProcess[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'afterwrite-launcher-'));
  children = [];
  cpSync(here('../../scripts/run.mjs'), join(root, 'scripts/run.mjs'));
  cpSync(here('../../scripts/launcher'), join(root, 'scripts/launcher'), { recursive: true });
  cpSync(here('fake-npm.mjs'), join(root, 'npm/npm-cli.js'));
  put('npm/package.json', '{ "type": "module" }');
  putPackages('1.0.0');
  put('hello.mjs', "console.log('hello', ...process.argv.slice(2));");
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(root, { recursive: true, force: true, maxRetries: 10 });
});

describe('the launcher installs the packages', () => {
  test('when there are none, in two lines, and then runs the script', async () => {
    put('go', '');
    const run = await launch(['hello.mjs', 'big', 'world']).ended;
    expect(run).toMatchObject({ code: 0, stdout: 'hello big world\n' });
    expect(run.stderr).toMatch(/^Installing the packages \(npm ci\) …\nInstalled the packages in [\d.]+ s\.\n$/);
  });

  test('only once', async () => {
    put('go', '');
    await launch(['hello.mjs']).ended;
    expect(await launch(['hello.mjs']).ended).toEqual({ code: 0, signal: null, stdout: 'hello\n', stderr: '' });
    expect(npmCalls()).toEqual(['ci']);
  });

  test('not when they were installed by hand', async () => {
    put('go', '');
    spawnSync(process.execPath, [join(root, 'npm/npm-cli.js'), 'by-hand'], { cwd: root });
    expect(await launch(['hello.mjs']).ended).toMatchObject({ code: 0, stderr: '' });
    expect(npmCalls()).toEqual(['by-hand']);
  });

  test('again when the lock file has another version', async () => {
    put('go', '');
    await launch(['hello.mjs']).ended;
    putPackages('1.0.1');
    expect((await launch(['hello.mjs']).ended).code).toBe(0);
    expect(npmCalls()).toEqual(['ci', 'ci']);
  });

  test('again when one was deleted', async () => {
    put('go', '');
    await launch(['hello.mjs']).ended;
    rmSync(join(root, 'node_modules/dep'), { recursive: true });
    expect((await launch(['hello.mjs']).ended).code).toBe(0);
    expect(npmCalls()).toEqual(['ci', 'ci']);
  });

  test('not when development packages were left out on purpose', async () => {
    put('go', '');
    spawnSync(process.execPath, [join(root, 'npm/npm-cli.js'), 'by-hand'], { cwd: root });
    putPackages('1.0.0', { 'node_modules/tool': { version: '2.0.0', dev: true } });
    expect((await launch(['hello.mjs']).ended).code).toBe(0);
    expect(npmCalls()).toEqual(['by-hand']);
  });

  test('with npm install when the lock file does not fit', async () => {
    put('go', '');
    put('package.json', JSON.stringify({ dependencies: { dep: '^2.0.0' } }));
    expect((await launch(['hello.mjs']).ended).code).toBe(0);
    expect(npmCalls()).toEqual(['install']);
  });

  test('with npm install if npm ci finds the lock file incomplete, which stays as it is', async () => {
    put('go', 'incomplete');
    const before = readFileSync(join(root, 'package-lock.json'), 'utf8');
    expect(await launch(['hello.mjs']).ended).toMatchObject({ code: 0, stdout: 'hello\n' });
    expect(npmCalls()).toEqual(['ci', 'install --no-save']);
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).toBe(before);
  });

  test("or says that it could not, with npm's own words, and ends with 1", async () => {
    put('go', 'fail');
    const run = await launch(['hello.mjs']).ended;
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('npm ci failed (it ended with code 1). Check the network connection and try again.');
    expect(run.stderr).toContain('npm error network no such host');
  });

  test('with the real npm', async () => {
    put('dep/package.json', JSON.stringify({ name: 'dep', version: '1.0.0' }));
    put('package.json', JSON.stringify({ name: 'project', dependencies: { dep: 'file:./dep' } }));
    rmSync(join(root, 'package-lock.json'));
    const env = { npm_execpath: '', npm_config_registry: 'http://127.0.0.1:9', npm_config_fetch_retries: '0' };
    const first = await launch(['hello.mjs'], env).ended;
    expect(first).toMatchObject({ code: 0, stdout: 'hello\n', stderr: expect.stringContaining('(npm install)') });
    expect(await launch(['hello.mjs'], env).ended).toMatchObject({ code: 0, stderr: '' });
    put('package.json', JSON.stringify({ name: 'project', dependencies: { 'not-to-be-had': '1.0.0' } }));
    expect(await launch(['hello.mjs'], env).ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/npm install failed .*\n(.*\n)*.*ECONNREFUSED/),
    });
  });
});

describe('two launchers at once', () => {
  test('install once: the other one waits', async () => {
    const one = launch(['hello.mjs', 'one']);
    await until(() => npmCalls().length === 1);
    const two = launch(['hello.mjs', 'two']);
    await until(() => two.stderr().includes(`Waiting for process ${one.child.pid}, which installs the packages …`));
    put('go', '');
    expect(await one.ended).toMatchObject({ code: 0, stdout: 'hello one\n' });
    expect(await two.ended).toMatchObject({ code: 0, stdout: 'hello two\n' });
    expect(npmCalls()).toEqual(['ci']);
  });

  test('wait also for the npm of a launcher that was killed', async () => {
    const one = launch(['hello.mjs', 'one']);
    await until(() => npmCalls().length === 1);
    // The second ticket of the lock names npm too.
    await until(() => readdirSync(join(root, '.afterwrite/install-lock')).includes('2'));
    one.child.kill('SIGKILL');
    await until(() => one.child.signalCode === 'SIGKILL');
    const two = launch(['hello.mjs', 'two']);
    await until(() => two.stderr().includes('Waiting for process'));
    put('go', '');
    expect(await two.ended).toMatchObject({ code: 0, stdout: 'hello two\n' });
    expect(npmCalls()).toEqual(['ci']);
  });
});

describe('the launcher runs the script', () => {
  beforeEach(() => {
    put('go', '');
    spawnSync(process.execPath, [join(root, 'npm/npm-cli.js'), 'by-hand'], { cwd: root });
    put(
      'server.mjs',
      `import { onLauncherGone } from ${JSON.stringify(here('../../src/server/launcher.ts'))};
      import { writeFileSync } from 'node:fs';
      const end = (reason) => { writeFileSync('reason', reason); process.exit(7); };
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(signal));
      onLauncherGone(() => end('gone'));
      setInterval(() => {}, 1000);
      writeFileSync('ready', String(process.pid));`,
    );
  });

  test('with its exit code and its standard input', async () => {
    put('read.mjs', 'process.stdin.on("data", (data) => { process.exitCode = Number(data); });');
    const run = launch(['read.mjs']);
    run.child.stdin?.end('42');
    expect((await run.ended).code).toBe(42);
  });

  test('and ends by the signal that ended it', async () => {
    put('die.mjs', 'process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);');
    expect(await launch(['die.mjs']).ended).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('and passes %s on', async (signal) => {
    const run = launch(['server.mjs']);
    await until(() => existsSync(join(root, 'ready')));
    run.child.kill(signal);
    expect((await run.ended).code).toBe(7);
    expect(readFileSync(join(root, 'reason'), 'utf8')).toBe(signal);
  });

  test('which learns that the launcher was killed', async () => {
    const run = launch(['server.mjs']);
    await until(() => existsSync(join(root, 'ready')));
    run.child.kill('SIGKILL');
    await until(() => existsSync(join(root, 'reason')));
    expect(readFileSync(join(root, 'reason'), 'utf8')).toBe('gone');
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('and ends it when npm was ended with %s', async (signal) => {
    // npm is a program that starts a shell that starts the launcher.
    put('npm.mjs', `import('node:child_process').then(({ spawn }) => spawn('/bin/sh', ['-c', process.argv[2]]));`);
    const command = `"${process.execPath}" scripts/run.mjs server.mjs; true`;
    const npm = spawn(process.execPath, ['npm.mjs', command], {
      cwd: root,
      env: { ...process.env, npm_lifecycle_event: 'start', npm_execpath: join(root, 'npm/npm-cli.js') },
    });
    children.push(npm);
    await until(() => existsSync(join(root, 'ready')));
    npm.kill(signal);
    await until(() => existsSync(join(root, 'reason')));
    expect(readFileSync(join(root, 'reason'), 'utf8')).toBe('SIGTERM');
  });

  test('which ends by itself although it listens for the launcher', async () => {
    put(
      'short.mjs',
      `import { onLauncherGone } from ${JSON.stringify(here('../../src/server/launcher.ts'))};
      onLauncherGone(() => console.log('gone'));`,
    );
    expect(await launch(['short.mjs']).ended).toMatchObject({ code: 0, stdout: '' });
  });

  test('wherever it is called from, on a path from the project', async () => {
    expect(await launch(['hello.mjs'], {}, tmpdir()).ended).toMatchObject({ code: 0, stdout: 'hello\n' });
  });

  test('or says what it needs', async () => {
    expect(await launch([]).ended).toMatchObject({ code: 2, stderr: expect.stringContaining('Say which script') });
  });
});

describe('a Node that is too old', () => {
  const fetching = `import('node:fs').then(({ mkdirSync, writeFileSync }) => {
    mkdirSync('bin');
    writeFileSync('bin/node', '#!/bin/sh\\nNEW=yes exec "${process.execPath}" "$@"', { mode: 0o755 });
  });`;

  beforeEach(() => {
    put('go', '');
    put(
      'scripts/launcher/node.mjs',
      readFileSync(here('../../scripts/launcher/node.mjs'), 'utf8').replace('= 24', '= 999'),
    );
    put('which.mjs', 'console.log(process.env.NEW);');
    putPackages('1.0.0', { 'node_modules/node': { version: '26.0.0', dev: true } });
    spawnSync(process.execPath, [join(root, 'npm/npm-cli.js'), 'by-hand'], { cwd: root });
  });

  test('is replaced by the one that the package node brought', async () => {
    put('node_modules/node/bin/node', `#!/bin/sh\nNEW=yes exec "${process.execPath}" "$@"`);
    chmodSync(join(root, 'node_modules/node/bin/node'), 0o755);
    expect(await launch(['which.mjs']).ended).toMatchObject({ code: 0, stdout: 'yes\n', stderr: '' });
  });

  test('is replaced by one that is fetched when npm did not run the install script', async () => {
    put('node_modules/node/installArchSpecificPackage.js', fetching);
    const run = await launch(['which.mjs']).ended;
    expect(run).toMatchObject({ code: 0, stdout: 'yes\n', stderr: expect.stringContaining('Fetching a newer Node') });
    expect(await launch(['which.mjs']).ended).toMatchObject({ code: 0, stdout: 'yes\n', stderr: '' });
    expect(npmCalls()).toEqual(['by-hand']);
  });

  test('is named when no newer one can be had', async () => {
    put('node_modules/node/installArchSpecificPackage.js', '');
    expect(await launch(['which.mjs']).ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('install Node 24 or newer'),
    });
  });
});

function put(path: string, content: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), content);
}

function putPackages(version: string, more: Record<string, object> = {}): void {
  const manifest = { name: 'project', dependencies: { dep: '^1.0.0' } };
  put('package.json', JSON.stringify(manifest));
  const packages = { '': manifest, 'node_modules/dep': { version }, ...more };
  put('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages }));
}

function npmCalls(): string[] {
  const log = join(root, 'npm.log');
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

function launch(words: string[], env: NodeJS.ProcessEnv = {}, cwd = root): Launched {
  const launched = launchIn(root, words, env, cwd);
  children.push(launched.child);
  return launched;
}
