import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { freePort, statusOf } from '../e2e/process/server-process.ts';
import { HttpClient } from '../support/client/http-client.ts';
import { createDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';
import { adopt, createApp, type Packages, type Project, packAll } from './adopted.ts';

// It compiles the product and starts processes.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const CLI = 'node_modules/afterwrite/dist/cli/main.js';
/** Threads would check much more than once. */
const COMPILE = [fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url)), '--singleThreaded'];
const patience = { deadline: 120_000 };

let packages: Packages;
let project: Project;
let database: Awaited<ReturnType<typeof createDatabase>>;
beforeAll(async () => {
  packages = await packAll();
  project = await adopt(packages);
  database = await createDatabase();
});
afterAll(async () => {
  await database?.drop();
  await project?.remove();
  await packages?.remove();
});

describe('a project that has installed the package', () => {
  it('has its domain checked by the compiler, down to the names of its roles', async () => {
    const wrong = join(project.folder, 'wrong.ts');
    await writeFile(
      wrong,
      `import type { Role } from 'afterwrite';\nexport const known: Role = 'member';\nexport const unknown: Role = 'membre';\n`,
    );
    const failure = await project.node([...COMPILE, '-p', '.']).catch((error: { readonly stdout: string }) => error);
    await writeFile(wrong, '');
    expect(failure.stdout.match(/wrong\.ts\(3,14\): error/g)).toHaveLength(1);
    // The rest of the project has none.
    expect(failure.stdout.match(/error/g)).toHaveLength(1);
  });

  it('tests its domain without a database', async () => {
    const { stdout } = await project.node(['--test', 'domains/loans/loan.spec.ts']);
    expect(stdout).toMatch(/pass 3/);
  });

  it('tests its application on a database of its own: actors, deadlines, subscriptions, bad inputs', async () => {
    const env = { TEST_DATABASE_URL: inject('serverUrl') };
    const { stdout } = await project.node(['--test', 'domains/loans/loans.spec.ts'], env).catch((error) => error);
    expect(stdout).toMatch(/fail 0/);
    expect(stdout).toMatch(/pass 5/);
  });

  it('sees its own settings and its own types on the command line', async () => {
    const { stdout: settings } = await project.node([CLI, 'config']);
    expect(settings).toContain('LOAN_DAYS = 28');
    expect(settings).not.toContain('PAYMENT_GATEWAY_URL');
    const { stdout: schema } = await project.node([CLI, 'schema']);
    expect(schema).toContain('lendBook(');
    expect(schema).not.toMatch(/customer|payment|placeOrder/i);
  });

  it('is told in one sentence what to do if there is no Postgres', async () => {
    const failure = project.node([CLI, 'start']);
    await expect(failure).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^Error \w+: There is no Postgres to use: DATABASE_URL is not set, and .*npm install .*\n$/,
      ),
    });
  });

  it('is told in one sentence if the folder has no application', async () => {
    const failure = project.node([join(project.folder, CLI), 'schema'], {}, join(project.folder, 'domains'));
    await expect(failure).rejects.toMatchObject({ stderr: expect.stringContaining('Error NO_APP: There is no') });
  });

  it('gets a new domain that compiles, whose tests pass, and which the API has once it is mounted', async () => {
    const { stdout } = await project.node([CLI, 'generate', 'domain', 'branches']);
    const files = ['graphql.ts', 'index.ts', 'read-models.ts', 'branch.test.ts', 'branch.ts'];
    expect(stdout.split('\n').slice(0, 5)).toEqual(files.map((file) => `domains/branches/${file}`));
    const config = join(project.folder, 'afterwrite.config.ts');
    const before = await readFile(config, 'utf8');
    const [added] = /^ {2}(import .*)$/m.exec(stdout)?.slice(1) ?? [];
    await writeFile(config, `${added}\n${before.replace('[loansDomain]', '[loansDomain, branchesDomain]')}`);
    await project.node([...COMPILE, '-p', '.']);
    const { stdout: tested } = await project.node(['--test', 'domains/branches/branch.test.ts']);
    expect(tested).toMatch(/pass 4\n.*fail 0/s);
    const { stdout: schema } = await project.node([CLI, 'schema']);
    expect(schema).toMatch(/addBranch\(.*archiveBranch\(.*renameBranch\(/s);
    await writeFile(config, before);
    const again = project.node([CLI, 'generate', 'domain', 'branches']);
    await expect(again).rejects.toMatchObject({
      stderr: expect.stringMatching(/^Error DOMAIN_EXISTS: .*domains\/branches/),
    });
  });

  it('serves its domain: what a client writes it reads, and GraphiQL has its files', async () => {
    const port = await freePort();
    const server = project.start(['start'], { DATABASE_URL: database.url, PORT: String(port) });
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await statusOf(`${url}/readyz`)) === 200, patience);
    const client = new HttpClient(() => url);
    const id = '01890000-0000-7000-8000-000000000001';
    const written = await client.query(
      `mutation ($id: ID!) { lendBook(input: { id: $id, book: "Frankenstein", borrower: "ada" }) {
         ... on CommandReceipt { aggregateId token } } }`,
      { id },
    );
    const { token } = (written.data as { lendBook: { token: string } }).lendBook;
    const read = await client.query(
      `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { loan(id: $id) { book status } }`,
      { id, token },
    );
    expect(read.data).toEqual({ loan: { book: 'Frankenstein', status: 'LENT' } });
    const page = await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('GraphiQL');
    for (const file of ['page.js', 'placeholders.js', 'graphiql.js', 'graphql-ws.js']) {
      expect(await statusOf(`${url}/graphql?graphiql=${file}`)).toBe(200);
    }
    server.child.kill('SIGTERM');
    const [code] = await once(server.child, 'close');
    expect([code, server.output()]).toEqual([0, expect.stringContaining('stopping')]);
  });

  it('is served again by dev when one of its files changes', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const dev = project.start(['dev'], { DATABASE_URL: database.url, PORT: String(port) });
    const client = new HttpClient(() => url);
    const description = async () =>
      (await client.query<{ __type: { description: string } }>('{ __type(name: "Loan") { description } }')).data.__type
        .description;
    await until(async () => (await description()) === 'A book that is lent to somebody.', patience);
    const file = join(project.folder, 'domains/loans/graphql.ts');
    await writeFile(file, (await readFile(file, 'utf8')).replace('A book that is lent to somebody.', 'A loan.'));
    await until(async () => (await description()) === 'A loan.', patience);
    dev.child.kill('SIGTERM');
    const [code] = await once(dev.child, 'close');
    expect(code).toBe(0);
    expect(await statusOf(`${url}/livez`)).toBeUndefined();
  });
});

describe('a project that npm create has made', () => {
  let created: Awaited<ReturnType<typeof createApp>>;
  beforeAll(async () => {
    created = await createApp(packages);
  });
  afterAll(() => created?.remove());

  it('has a name, a version of everything, no trace of the template and no address of a registry', async () => {
    const files = await readdir(created.folder, { recursive: true, withFileTypes: true });
    const own = files.filter((file) => file.isFile() && !file.parentPath.includes('node_modules'));
    expect(own.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        '.gitignore',
        'ci.yml',
        'Dockerfile',
        'app.service',
        'README.md',
        'task.ts',
        'task.test.ts',
      ]),
    );
    for (const { parentPath, name } of own) {
      const text = await readFile(join(parentPath, name), 'utf8');
      expect([name, /VERSION_OF|undefined|registry\.|https?:\/\/(?!127|www\.npmjs)/.exec(text)?.[0]]).toEqual([
        name,
        undefined,
      ]);
    }
    expect(JSON.parse(await readFile(join(created.folder, 'package.json'), 'utf8'))).toMatchObject({ name: 'my-app' });
  });

  it('passes its tests and its checks as it is', async () => {
    const env = { TEST_DATABASE_URL: inject('serverUrl') };
    const { stdout } = await created.npm(['test'], env).catch((error) => error);
    expect(stdout).toMatch(/pass 8\n.*fail 0/s);
    await created.npm(['run', 'schema']);
    await created.npm(['run', 'check']);
  });

  it('serves with npm start and a Postgres of its own', async () => {
    const port = await freePort();
    const server = created.start(['start'], { PORT: String(port) });
    await until(async () => (await statusOf(`http://127.0.0.1:${port}/readyz`)) === 200, patience);
    server.child.kill('SIGTERM');
    const [code] = await once(server.child, 'close');
    expect(code).toBe(0);
  });

  it('names its commands as they are called there', async () => {
    const { stdout } = await created.npm(['exec', '--', 'afterwrite', '--help']);
    expect(stdout).toContain('Usage: npx afterwrite');
    expect(stdout).not.toContain('npm run');
  });
});
