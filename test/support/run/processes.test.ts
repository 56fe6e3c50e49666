import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { processIdentity } from '../../../src/database/embedded/processes.ts';
import { until } from '../until.ts';
import { ProcessRegistry } from './processes.ts';

const MODULE = new URL('processes.ts', import.meta.url).href;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afterwrite-registry-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts a shell and its child under a registry in a process that is killed then. @returns the child's pid. */
async function dieWithChildren(): Promise<number> {
  const program = `
    import { spawn } from 'node:child_process';
    import { ProcessRegistry } from '${MODULE}';
    new ProcessRegistry('${folder}').watch();
    const shell = spawn('sh', ['-c', 'sleep 1000 & echo $!; wait'], { detached: true });
    shell.stdout.once('data', (pid) => process.stdout.write(pid, () => process.kill(process.pid, 'SIGKILL')));`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  let pid = '';
  parent.stdout.on('data', (text) => (pid += text));
  await once(parent, 'close');
  return Number(pid);
}

it('a process that was left by one that died is ended with its children', async () => {
  const child = await dieWithChildren();
  const registry = new ProcessRegistry(folder);
  expect(registry.running()).toMatchObject([{ command: expect.stringMatching(/^sh -c sleep 1000/) }]);
  expect(registry.running(process.pid)).toEqual([]);
  expect(processIdentity(child)).toBeDefined();
  registry.end();
  await until(() => processIdentity(child) === undefined);
  expect(registry.running()).toEqual([]);
});

it('a process that has ended is forgotten', async () => {
  const registry = new ProcessRegistry(folder);
  // Other files' tests run in this process afterwards.
  onTestFinished(registry.watch());
  const child = spawn('cat');
  await until(() => registry.running().length === 1);
  child.stdin.end();
  await until(() => registry.running().length === 0);
});
