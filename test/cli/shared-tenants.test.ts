import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { runCommand } from '../../src/cli/run.ts';
import { openDatabase } from '../../src/database/database.ts';
import { openSharedDatabase } from '../../src/database/tenancy/shared-database.ts';
import { registerCustomer } from '../../src/domains/customers/index.ts';
import { createEngine } from '../../src/kernel/engine.ts';
import { openTestDatabase, type TestDatabase } from '../../src/testing/postgres/test-database.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import { shopOf } from '../support/tenants/tenants.ts';

const app = { ...shopOf('column'), commands: async () => [] };
const system = { actor: { id: 'system', roles: ['system'] as const, claims: {} } };

let database: TestDatabase;
beforeAll(async () => {
  const env = { ...process.env, TEST_DATABASE_URL: inject('serverUrl') };
  database = await openTestDatabase({ env, project: process.cwd(), appMigrations: undefined });
  await register('acme', ['Ada', 'Alan', 'Grace']);
  await register('globex', ['Hank']);
});
afterAll(() => database?.drop());

/** Has a server of the shop register customers, and show them. */
async function register(tenant: string, names: readonly string[]): Promise<void> {
  const connections = { writer: 1, projector: 2, reader: 1 };
  const shared = await openSharedDatabase({ url: database.url, connections });
  const engine = createEngine({ database: await shared.open(tenant), domains: app.domains });
  try {
    await engine.start();
    let last = 0;
    for (const name of names) {
      const input = { name, email: `${name.toLowerCase()}@example.org` };
      last = receiptOf(await engine.bus.execute(registerCustomer, input, system)).position;
    }
    expect(await engine.projector.positions.reached('customers', last, { timeoutMs: 30_000 })).toBe(true);
  } finally {
    await engine.drain();
    await engine.stop();
    await shared.close(1000);
  }
}

async function cli(...args: string[]) {
  const written = { out: '', err: '' };
  const stream = (to: keyof typeof written) =>
    new Writable({
      write: (chunk, _, done) => {
        written[to] += String(chunk);
        done();
      },
    });
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
const of = (tenant: string, ...args: string[]) => cli('--tenant', tenant, ...args);

describe('the command line of an application whose tenants share a database', () => {
  it('lists the tenants, and creates one', async () => {
    expect((await cli('tenants', 'list')).out).toMatch(/acme +3\n *globex +1/);
    expect(await cli('tenants', 'create', 'hooli')).toMatchObject({ code: 0, out: 'hooli: created.\n' });
    expect(await cli('tenants', 'create', 'hooli')).toMatchObject({ code: 0, out: 'hooli: is there already.\n' });
    expect((await cli('tenants', 'list')).out).toMatch(/hooli +0/);
  });

  it('shows one tenant’s events and read models, and nothing of the others’', async () => {
    const events = await of('acme', 'events', 'list');
    expect(events).toMatchObject({ code: 0, out: expect.stringContaining('CustomerRegistered') });
    expect(events.out).not.toContain('hank');
    const status = await of('globex', 'projections', 'status', '--json');
    const rows = JSON.parse(status.out) as { projection: string; position: number; head: number }[];
    expect(rows.find(({ projection }) => projection === 'customers')).toMatchObject({ position: 1, head: 1 });
    expect(await of('acme', 'events', 'check')).toMatchObject({
      code: 0,
      out: expect.stringContaining('all 3 events'),
    });
  });

  it('rebuilds and verifies the rows of one tenant, and leaves the others’', async () => {
    const [{ table } = { table: '' }] = await database.sql<{ table: string }[]>`
      select tables[1] as table from read.read_models where name = 'customers'`;
    await database.sql`update ${database.sql(`read.${table}`)} set name = 'nobody'`;
    expect(await of('acme', 'projections', 'rebuild', 'customers')).toMatchObject({ code: 0 });
    const now = await database.sql`select tenant, name from ${database.sql(`read.${table}`)} order by 1, 2`;
    expect(now).toEqual([
      { tenant: 'acme', name: 'Ada' },
      { tenant: 'acme', name: 'Alan' },
      { tenant: 'acme', name: 'Grace' },
      { tenant: 'globex', name: 'nobody' },
    ]);
    expect(await of('acme', 'projections', 'verify', 'customers')).toMatchObject({ code: 0 });
    expect(await of('globex', 'projections', 'verify', 'customers')).toMatchObject({
      code: 1,
      err: expect.stringContaining('NOT_AS_THE_LOG_SAYS'),
    });
  });

  it('migrates, and begins a new epoch, for all of them together', async () => {
    expect(await cli('migrate')).toMatchObject({ code: 0, out: expect.stringContaining('Nothing to do') });
    const shared = async () => {
      const opened = await openSharedDatabase({
        url: database.url,
        connections: { writer: 1, projector: 1, reader: 1 },
      });
      const epochs = [(await opened.open('acme')).epoch, (await opened.open('globex')).epoch];
      await opened.close(1000);
      return epochs;
    };
    const before = await shared();
    expect(await cli('restore-epoch', '--yes')).toMatchObject({ code: 0 });
    const after = await shared();
    expect(new Set([...before, ...after]).size).toBe(4);
  });

  it('says so if a server of some tenant goes on with the former epoch', async () => {
    const shared = await openSharedDatabase({ url: database.url, connections: { writer: 1, projector: 2, reader: 1 } });
    const engine = createEngine({ database: await shared.open('globex'), domains: app.domains });
    try {
      await engine.start();
      expect((await cli('restore-epoch', '--yes')).err).toContain('a server is running on this database; restart it');
    } finally {
      await engine.drain();
      await engine.stop();
      await shared.close(1000);
    }
  });

  it('examines the log of the tenant', async () => {
    const { out } = await of('acme', 'doctor');
    expect(out).toContain('all 3 events are there');
  });

  it('asks for the tenant, and says if there is none of this name', async () => {
    expect(await cli('events', 'list')).toMatchObject({ code: 1, err: expect.stringContaining('WHICH_TENANT') });
    expect(await of('nobody', 'events', 'list')).toMatchObject({
      code: 1,
      err: expect.stringContaining('TENANT_MISSING'),
    });
    expect(await of('nobody', 'projections', 'verify', '--all')).toMatchObject({
      code: 1,
      err: expect.stringContaining('TENANT_MISSING'),
    });
    await expect(
      openDatabase({ url: database.url, connections: { writer: 1, projector: 1, reader: 1 } }),
    ).rejects.toMatchObject({ code: 'TENANCY_MISMATCH' });
  });
});
