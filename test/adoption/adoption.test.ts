import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { freePort, statusOf } from '../e2e/process/server-process.ts';
import { HttpClient } from '../support/client/http-client.ts';
import { createDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';
import { adopt, type Project } from './adopted.ts';

// It compiles the product and starts processes.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const CLI = 'node_modules/afterwrite/dist/cli/main.js';
const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
const patience = { deadline: 120_000 };

let project: Project;
let database: Awaited<ReturnType<typeof createDatabase>>;
beforeAll(async () => {
  project = await adopt();
  database = await createDatabase();
});
afterAll(async () => {
  await database?.drop();
  await project?.remove();
});

describe('a project that has installed the package', () => {
  it('has its domain checked by the compiler, down to the names of its roles', async () => {
    await project.node([compiler, '-p', '.']);
    const wrong = join(project.folder, 'wrong.ts');
    await writeFile(
      wrong,
      `import type { Role } from 'afterwrite';\nexport const known: Role = 'member';\nexport const unknown: Role = 'membre';\n`,
    );
    const failure = await project.node([compiler, '-p', '.']).catch((error: { readonly stdout: string }) => error);
    await writeFile(wrong, '');
    expect(failure.stdout.match(/wrong\.ts\(3,14\): error/g)).toHaveLength(1);
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
      stderr: expect.stringMatching(/^There is no Postgres to use: DATABASE_URL is not set, and .*npm install .*\n$/),
    });
  });

  it('is told in one sentence if the folder has no application', async () => {
    const failure = project.node([join(project.folder, CLI), 'schema'], {}, join(project.folder, 'domains'));
    await expect(failure).rejects.toMatchObject({ stderr: expect.stringContaining('Error NO_APP: There is no') });
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
    for (const file of ['page.js', 'graphiql.js', 'graphql-ws.js']) {
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
