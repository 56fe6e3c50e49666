import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { afterEach } from 'vitest';
import shop from '../../src/app.ts';
import type { Cli } from '../../src/cli/cli.ts';
import { runCommand } from '../../src/cli/run.ts';
import type { AppWithCommands } from '../../src/definition/define-app.ts';
import { childEnvironment } from '../support/server/child-environment.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The outcome of a command. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliRun {
  readonly child: ChildProcess;
  readonly done: Promise<CliResult>;
}

/** Starts `npm run cli -- …args` on a database, as a process of its own: for tests that interrupt or kill it. */
export function startCli(databaseUrl: string, args: readonly string[], env: Record<string, string> = {}): CliRun {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...childEnvironment(), DATABASE_URL: databaseUrl, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (texts.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (texts.stderr += text));
  const done = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...texts }));
  });
  return { child, done };
}

/** Runs a command to its end, in this process: starting one takes longer than most commands do. */
export async function runCli(
  databaseUrl: string,
  args: readonly string[],
  env: Record<string, string> = {},
  { app = shop, folder = process.cwd() }: { readonly app?: AppWithCommands; readonly folder?: string } = {},
): Promise<CliResult> {
  const texts = { stdout: '', stderr: '' };
  const cli: Cli = {
    app,
    folder,
    env: { DATABASE_URL: databaseUrl, ...env },
    out: collect((text) => (texts.stdout += text)),
    err: collect((text) => (texts.stderr += text)),
    signal: new AbortController().signal,
  };
  const code = await runCommand(app, cli, args);
  return { code, ...texts };
}

function collect(take: (text: string) => void): Writable {
  return new Writable({
    write: (chunk, _, done) => {
      take(String(chunk));
      done();
    },
  });
}

/** A folder for each test that asks for one, removed after it. */
export function useFolder(): () => Promise<string> {
  const folders: string[] = [];
  afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'afterwrite-cli-'));
    folders.push(folder);
    return folder;
  };
}

/** The records of a CSV text by the names of its columns. */
export function csvRows(text: string): Record<string, string>[] {
  return parse(text, { columns: true, relax_quotes: true });
}
