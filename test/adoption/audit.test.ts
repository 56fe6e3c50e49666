import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { freePort, statusOf } from '../e2e/process/server-process.ts';
import { HttpClient } from '../support/client/http-client.ts';
import { createDatabase } from '../support/postgres/database.ts';
import { childEnvironment } from '../support/server/child-environment.ts';
import { until } from '../support/until.ts';
import { adopt, type Project, packProduct } from './adopted.ts';

// It compiles the product and starts processes.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const execute = promisify(execFile);
const page = fileURLToPath(new URL('../../docs/audit.md', import.meta.url));

let project: Project;
let database: Awaited<ReturnType<typeof createDatabase>>;
const folders: string[] = [];
beforeAll(async () => {
  project = await adopt(await packProduct());
  database = await createDatabase();
});
afterAll(async () => {
  await database?.drop();
  await project?.remove();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** The commands of a section of the page, a block at a time. */
async function commandsOf(heading: string): Promise<string[]> {
  const sections = (await readFile(page, 'utf8')).split(/^#+ /m);
  const section = sections.find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text);
}

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-audit-'));
  folders.push(folder);
  return folder;
}

/** A folder for PATH, with what stands for npm and npx: the packed product is not in a registry. */
async function npmPrograms(): Promise<string> {
  const folder = await emptyFolder();
  const put = async (name: string, text: string) => {
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  };
  await put('npx', 'shift; exec node node_modules/afterwrite/dist/cli/main.js "$@"');
  await put('npm', `ln -s '${project.folder}/node_modules' node_modules`);
  return folder;
}

/** Starts a server with a command of the page. */
function serve(command: string, env: NodeJS.ProcessEnv): { readonly child: ChildProcess; stop(): Promise<void> } {
  const child = spawn('bash', ['-c', `exec env ${command}`], { cwd: project.folder, env, stdio: 'ignore' });
  const exited = once(child, 'close');
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  return {
    child,
    stop: async () => {
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    },
  };
}

async function lendBooks(url: string, count: number): Promise<void> {
  const client = new HttpClient(() => url);
  for (let n = 1; n <= count; n++) {
    const { data } = await client.query(
      'mutation ($id: ID!) { lendBook(input: { id: $id, book: "Emma", borrower: "ada" }) { __typename } }',
      { id: `01890000-0000-7000-8000-00000000000${n}` },
    );
    expect(data).toEqual({ lendBook: { __typename: 'CommandReceipt' } });
  }
}

it('an operator and an auditor play docs/audit.md from the first command to the last', async () => {
  const PATH = [await npmPrograms(), dirname(process.execPath), process.env.PATH].join(delimiter);
  const port = await freePort();
  const env = { ...childEnvironment(), PATH, DATABASE_URL: database.url, HOST: '127.0.0.1', PORT: String(port) };
  const operating = await commandsOf('What the operator does');
  expect(operating).toHaveLength(3);
  for (const block of operating) {
    if (!block.includes('afterwrite start')) {
      await execute('bash', ['-ec', block], { cwd: project.folder, env });
      continue;
    }
    const server = serve(block.trim(), env);
    const url = `http://127.0.0.1:${port}`;
    await until(async () => server.child.exitCode !== null || (await statusOf(`${url}/readyz`)) === 200, {
      deadline: 120_000,
    });
    await lendBooks(url, 5);
    await server.stop();
  }

  // The audit of the database, with the heads that a witness would have.
  const [ofDatabase = '', ...others] = await commandsOf('Audit of the database');
  expect(others).toEqual([]);
  await copyFile(join(project.folder, 'audit.pem.pub'), join(project.folder, 'keys.pem'));
  await execute('bash', ['-ec', `grep '^{"head"' log.ndjson > heads.ndjson`], { cwd: project.folder });
  const audited = ofDatabase.trim().split('\n');
  expect(audited).toHaveLength(3);
  for (const [nth, command] of audited.entries()) {
    const own = { ...env, AUDIT_KEY: 'audit.pem' };
    const { stdout } = await execute('bash', ['-ec', command], { cwd: project.folder, env: own });
    expect(stdout).toMatch(/form an unbroken chain\.$/m);
    if (nth < 2) expect(stdout).toContain('they are what was signed');
    if (nth === 1) expect(stdout).toMatch(/ and \d+ of the witness\.$/m);
  }

  const auditor = await emptyFolder();
  for (const file of ['log.ndjson', 'proof.json', 'audit.pem.pub']) {
    await copyFile(join(project.folder, file), join(auditor, file));
  }
  const auditing = await commandsOf('What the auditor does');
  expect(auditing).toHaveLength(3);
  const said: string[] = [];
  // Nothing of the operator's environment.
  const own = { PATH, HOME: auditor };
  for (const block of auditing) said.push((await execute('bash', ['-ec', block], { cwd: auditor, env: own })).stdout);
  const [first = '', second = '', third = ''] = said;
  // Every event of the log, of which each loan has several: the server has signed when it stopped.
  const proved = /^PROVED: events 1 to (\d+) are what was signed\.$/m;
  expect(Number(proved.exec(first)?.[1])).toBeGreaterThanOrEqual(5);
  expect(proved.exec(second)?.[0]).toBe(proved.exec(first)?.[0]);
  expect(first + second).not.toContain('NOT PROVED');
  expect(first).toMatch(/^PROVED: event 3 is in the log as it was at position \d+, signed /m);
  expect(third).toContain('Signature Verified Successfully');
});
