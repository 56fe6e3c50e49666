import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The facts about the machine that a reader needs to judge a figure. */
export interface Machine {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  /** Of the last minute when the run began: what else the machine did. */
  readonly load: number;
  readonly node: string;
  readonly postgres: string;
  /** The versions of those who are measured beside, by name. */
  readonly peers: Readonly<Record<string, string>>;
}

export async function describeMachine(postgres: string): Promise<Machine> {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    commit: await commit(),
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    node: process.versions.node,
    postgres,
    peers: {
      ...(await installed('../../', Object.keys(await dependencies()))),
      ...(await installed('../../../', OWN_PEERS)),
    },
  };
}

/** Libraries of the product that are measured by themselves too. */
const OWN_PEERS = ['graphql-yoga', 'postgres'];

/** All that `bench/package.json` asks for. */
async function dependencies(): Promise<Record<string, string>> {
  return (await json('../../package.json')).dependencies as Record<string, string>;
}

async function installed(folder: string, names: readonly string[]): Promise<Record<string, string>> {
  const versions = names.map(async (name) => [
    name,
    (await json(`${folder}node_modules/${name}/package.json`)).version,
  ]);
  return Object.fromEntries(await Promise.all(versions));
}

async function json(file: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(new URL(file, import.meta.url), 'utf8'));
}

/** The commit that was measured, and whether something was changed since. */
async function commit(): Promise<string> {
  const options = { cwd: new URL('../../..', import.meta.url) };
  try {
    const { stdout: head } = await run('git', ['rev-parse', '--short=12', 'HEAD'], options);
    const { stdout: changed } = await run(
      'git',
      ['status', '--porcelain', '--', 'src', 'drizzle', 'bench', ':(exclude)bench/results'],
      options,
    );
    return head.trim() + (changed.trim() ? ' with changes' : '');
  } catch {
    return 'unknown';
  }
}
