import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { runCommand } from '../../src/cli/run.ts';
import { connectTo, urlOfDatabase } from '../../src/testing/postgres/databases.ts';
import { openTestDatabase, type TestDatabase } from '../../src/testing/postgres/test-database.ts';
import { shopOf } from '../support/tenants/tenants.ts';

let database: TestDatabase;
beforeAll(async () => {
  const env = { ...process.env, TEST_DATABASE_URL: inject('serverUrl') };
  database = await openTestDatabase({ env, project: process.cwd(), appMigrations: undefined });
});
afterAll(() => database?.drop());

/** Runs a command of the shop with a database for each tenant. */
async function cli(...args: string[]) {
  const written = { out: '', err: '' };
  const stream = (to: keyof typeof written) =>
    new Writable({
      write: (chunk, _, done) => {
        written[to] += String(chunk);
        done();
      },
    });
  const app = { ...shopOf('database'), commands: async () => [] };
  const code = await runCommand(
    app,
    {
      ...{ app, folder: process.cwd(), env: { DATABASE_URL: database.url } },
      ...{ out: stream('out'), err: stream('err'), signal: new AbortController().signal },
    },
    args,
  );
  return { code, ...written };
}

describe('the command line of an application with a database for each tenant', () => {
  it('creates, lists and migrates them, and works with one at a time', async () => {
    expect(await cli('tenants', 'list')).toMatchObject({ code: 0, err: expect.stringContaining('no tenant yet') });
    for (const tenant of ['acme', 'globex']) {
      const created = await cli('tenants', 'create', tenant);
      expect(created).toMatchObject({ code: 0, out: expect.stringMatching(new RegExp(`^${tenant}: \\d+ migrations`)) });
    }
    expect((await cli('tenants', 'create', 'acme')).out).toMatch(/^acme: has all \d+ migrations\.$/m);
    const { out } = await cli('tenants', 'list');
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/\s+/)),
    ).toEqual([
      ['TENANT', 'DATABASE', 'SCHEMA', 'EVENTS'],
      ...['acme', 'globex'].map((tenant) => [tenant, expect.stringMatching(new RegExp(`_${tenant}$`)), 'current', '0']),
    ]);
    expect(await cli('tenants', 'migrate')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^acme: has all \d+ migrations\.\nglobex: has all \d+ migrations\.\n$/),
    });
    expect(await cli('events', 'list', '--tenant', 'acme')).toMatchObject({ code: 0 });
    expect(await cli('--tenant', 'globex', 'projections', 'status')).toMatchObject({ code: 0 });
  });

  it('asks for the tenant, and says if there is none of this name', async () => {
    expect(await cli('events', 'list')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Error WHICH_TENANT: '),
    });
    for (const tenant of ['nobody', 'a/b']) {
      const refused = await cli('events', 'list', '--tenant', tenant);
      expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('Error NO_SUCH_TENANT: ') });
    }
    expect(await cli('tenants', 'create', 'a/b')).toMatchObject({
      code: 1,
      err: expect.stringContaining('NO_SUCH_TENANT'),
    });
  });

  it('leaves databases alone that no tenant has claimed, although their names fit', async () => {
    const name = `${new URL(database.url).pathname.slice(1)}_analytics`;
    const postgres = connectTo(database.url);
    await postgres.unsafe(`create database ${name}`);
    try {
      await cli('tenants', 'create', 'umbrella');
      expect((await cli('tenants', 'list')).out).not.toContain('analytics');
      const { out, code } = await cli('tenants', 'migrate');
      expect([code, out]).toEqual([0, expect.stringMatching(/^umbrella: has all/m)]);
      expect(out).not.toContain('analytics');
      const analytics = connectTo(urlOfDatabase(database.url, name));
      expect(await analytics`select from pg_namespace where nspname in ('es', 'read', 'drizzle')`).toEqual([]);
      await analytics.end();
    } finally {
      await postgres.unsafe(`drop database ${name}`);
      await postgres.end();
    }
  });

  it('migrates the others if one cannot be migrated', async () => {
    await cli('tenants', 'create', 'acme');
    await cli('tenants', 'create', 'initech');
    // As if a backup of another tenant had been restored into it.
    const acme = connectTo(urlOfDatabase(database.url, `${new URL(database.url).pathname.slice(1)}_acme`));
    await acme`update es.store set tenant = 'initech'`;
    await acme.end();
    const migrated = await cli('tenants', 'migrate', 'acme', 'initech');
    expect(migrated.code).toBe(1);
    expect(migrated.out).toMatch(/^initech: has all/m);
    expect(migrated.err).toMatch(/^acme: Error DATABASE_OF_ANOTHER: .*tenant initech/m);
    expect(migrated.err).toMatch(/^Error TENANTS_FAILED: These tenants could not be migrated: acme\.$/m);
  });
});
