import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { urlOfDatabase } from '../../../src/testing/postgres/databases.ts';
import { cloneDatabase } from '../../support/postgres/database.ts';
import { dataFolder, freePort, ServerProcess } from './server-process.ts';

// Processes start slowly where many tests share the machine.
vi.setConfig({ testTimeout: 240_000 });

const serverUrl = () => new URL(inject('serverUrl'));

/** The output of a server that cannot start, on standard error. */
async function complaintOf(env: NodeJS.ProcessEnv): Promise<string> {
  const server = new ServerProcess(env);
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(server.messages.filter((message) => message.startsWith('GraphQL API'))).toEqual([]);
  return server.stderr;
}

/** One line for the person who starts it, with a code and without a stack trace. */
function expectOneLine(complaint: string): void {
  expect(complaint).toMatch(/^Error [A-Z_]+: [^\n]+\n$/);
}

describe('a server that cannot start says why in one line and exits with 1,', () => {
  it('if something else listens on its port, and starts no Postgres', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const folder = await dataFolder();
    const complaint = await complaintOf({ PORT: String(port), DATA_DIR: folder });
    expectOneLine(complaint);
    expect(complaint).toContain(`127.0.0.1:${port}`);
    expect(existsSync(join(folder, 'postgres'))).toBe(false);
  });

  it('if nothing answers at DATABASE_URL', async () => {
    const port = await freePort();
    const complaint = await complaintOf({ DATABASE_URL: `postgres://user:secret@127.0.0.1:${port}/shop` });
    expectOneLine(complaint);
    expect(complaint).toContain(`Postgres at 127.0.0.1:${port}/shop`);
    expect(complaint).not.toContain('secret');
  });

  it('if the password of DATABASE_URL is wrong', async () => {
    const url = serverUrl();
    url.password = 'wrong-password';
    const complaint = await complaintOf({ DATABASE_URL: url.href });
    expectOneLine(complaint);
    expect(complaint).toMatch(/refuses this user or password/);
    expect(complaint).not.toContain('wrong-password');
  });

  it('if the database of DATABASE_URL does not exist', async () => {
    const complaint = await complaintOf({ DATABASE_URL: urlOfDatabase(inject('serverUrl'), 'no_such_database') });
    expectOneLine(complaint);
    expect(complaint).toMatch(/has no such database/);
  });

  it('if newer code has migrated the database so that this code cannot run on it', async () => {
    const database = await cloneDatabase();
    onTestFinished(() => database.drop());
    await database.sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', ${Date.now() + 1e12})`;
    await database.sql`update es.store set least_migration = ${Date.now() + 1e12}`;
    const complaint = await complaintOf({ DATABASE_URL: database.url });
    expectOneLine(complaint);
    expect(complaint).toMatch(/newer version/);
  });
});

it('a server with unusable documents says in one line which, and exits with 1', async () => {
  const complaint = await complaintOf({ TRUSTED_DOCUMENTS: '/nowhere/documents.json', DATA_DIR: await dataFolder() });
  expect(complaint).toMatch(/^Error BAD_DOCUMENTS: [^\n]+\n$/);
});

describe('a server with wrong settings says in one line which, and exits with 1:', () => {
  it.each([
    ['DATABASE_URL is no URL', { DATABASE_URL: 'localhost:5432' }, /DATABASE_URL must be a postgres:/],
    [
      'in production nobody is authenticated',
      { NODE_ENV: 'production' },
      /AUTH_JWT_SECRET or AUTH_JWKS_URL must be set/,
    ],
    ['PORT is no number', { PORT: 'http' }, /PORT must be a whole number/],
    ['a secret is short', { AUTH_JWT_SECRET: 'hunter2' }, /AUTH_JWT_SECRET must be at least 32 bytes/],
  ])('%s', async (_, env, words) => {
    const folder = await dataFolder();
    const complaint = await complaintOf({ DATA_DIR: join(folder, 'data'), ...env });
    expectOneLine(complaint);
    expect(complaint).toMatch(words);
    expect(complaint).not.toContain('hunter2');
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });
});
