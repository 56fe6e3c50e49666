import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
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
  /** Starts the CLI; it does not outlive the test. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): { readonly child: ChildProcess; output(): string };
  remove(): Promise<void>;
}

/**
 * Packs the product and puts it into a copy of `loans/`, as `npm install` would: with the packages that its package.json names as
 * dependencies and as peers, and no others. Needs no registry.
 */
export async function adopt(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-adoption-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await cp(join(root, 'test/adoption/loans'), folder, { recursive: true });
    const modules = join(folder, 'node_modules');
    await mkdir(join(modules, 'afterwrite'), { recursive: true });
    const pack = ['pack', '--json', '--pack-destination', modules];
    const { stdout } = await execute('npm', pack, { cwd: root, env: process.env, maxBuffer: 2 ** 24 });
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }];
    await execute('tar', [
      '-xzf',
      join(modules, filename),
      '-C',
      join(modules, 'afterwrite'),
      '--strip-components',
      '1',
    ]);
    const packed = JSON.parse(await readFile(join(modules, 'afterwrite/package.json'), 'utf8'));
    const isOptional = (name: string) => packed.peerDependenciesMeta?.[name]?.optional === true;
    const peers = Object.keys(packed.peerDependencies).filter((name) => !isOptional(name));
    for (const name of [...Object.keys(packed.dependencies), ...peers, ...OF_THE_PROJECT]) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(root, 'node_modules', name), join(modules, name));
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const cli = join(folder, 'node_modules/afterwrite/dist/cli/main.js');
  const environment = (env: NodeJS.ProcessEnv = {}) => ({ ...childEnvironment(), HOST: '127.0.0.1', ...env });
  return {
    folder,
    node: (args, env, cwd = folder) => execute(process.execPath, [...args], { cwd, env: environment(env) }),
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
