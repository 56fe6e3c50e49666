import { describe, expect, it } from 'vitest';
import { registerCustomer } from '../../src/domains/customers/customer.ts';
import { domains } from '../../src/domains/index.ts';
import { system } from '../support/kernel/counter.ts';
import type { TestEngine } from '../support/kernel/engine.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';
import { runCli, startCli } from './support.ts';

const database = useDatabase();
const engine = useEngine(database, domains);
const cli = (...args: string[]) => runCli(database.url, ['projections', ...args]);

async function register({ bus }: Pick<TestEngine, 'bus'>, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, nth) =>
      bus.execute(registerCustomer, { name: `Customer ${nth}`, email: `c${nth}@example.org` }, system),
    ),
  );
}
const names = () => database.sql<{ name: string }[]>`select distinct name from read.customers_v2 order by name`;
const shadows = () => database.sql`select * from read.checkpoints where projection like '%#%'`;
const spoil = () => database.sql`update read.customers_v2 set name = 'Spoilt' where name like '%1'`;

describe('projections rebuild', () => {
  it('makes a read model again beside a running server, which goes on', async () => {
    const server = await engine({ start: true });
    await register(server, 20);
    await server.projector.positions.reached('customers', 20);
    await spoil();
    const { code, stdout, stderr } = await cli('rebuild', 'customers');
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: 'customers: rebuilt.\n' });
    expect(await names()).toHaveLength(20);
    await register(server, 1);
    expect(await server.projector.positions.reached('customers', 21, { timeoutMs: 30_000 })).toBe(true);
    expect(server.faults).toEqual([]);
  });

  it('makes all of them again without a server', async () => {
    const server = await engine({ start: true });
    await register(server, 3);
    await server.projector.positions.reached('customers', 3);
    await server.close();
    await spoil();
    const { code, stdout } = await cli('rebuild', '--all');
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').sort()).toEqual(
      server.projector.positions.names.map((name) => `${name}: rebuilt.`).sort(),
    );
    expect(await names()).toHaveLength(3);
    expect(await shadows()).toEqual([]);
  });

  it('begins it for a server, and cancels it', async () => {
    const server = await engine({ start: true });
    await register(server, 3);
    await server.close();
    expect((await cli('rebuild', 'customers', '--detach')).stdout).toMatch(/^customers: begun; /);
    const status = (await cli('status')).stdout;
    expect(status).toMatch(/\ncustomers +2 +REBUILDING /);
    expect(status).toContain('\ncustomers: being rebuilt, at 0 of 3, nobody works on it\n');
    expect((await cli('rebuild', 'customers', '--cancel')).stdout).toBe('customers: cancelled; it is as it was.\n');
    expect(await shadows()).toEqual([]);
    await cli('rebuild', 'customers', '--detach');
    await engine({ start: true });
    await until(async () => (await shadows()).length === 0);
  });

  it('says what is in the way, and changes nothing', async () => {
    const server = await engine({ start: true });
    await register(server, 3);
    await server.projector.positions.reached('customers', 3);
    await database.sql`create view public.people as select * from read.customers_v2`;
    const { code, stderr } = await cli('rebuild', 'customers');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error REBUILD_REFUSED: [^\n]*there is view people[^\n]*\n$/m);
    expect(await database.sql`select * from public.people`).toHaveLength(3);
    expect(await shadows()).toEqual([]);
  });

  it('that is killed is gone on with by a server', async () => {
    const server = await engine();
    await register(server, 5000);
    const before = await engine({ start: true, projectionBatchLimit: 500 });
    await before.projector.positions.reached('customers', 5000);
    await before.close();
    // The swap waits for whoever reads, and meanwhile the command is killed.
    const reader = await database.sql.reserve();
    await reader`begin`;
    await reader`select count(*) from read.customers_v2`;
    const { child, done } = startCli(database.url, ['projections', 'rebuild', 'customers']);
    await until(async () => (await shadows())[0]?.position === 5000);
    child.kill('SIGKILL');
    await done;
    await spoil();
    await reader`rollback`;
    reader.release();
    expect(await shadows()).toHaveLength(1);
    await engine({ start: true });
    await until(async () => (await shadows()).length === 0);
    expect((await names()).some(({ name }) => name === 'Spoilt')).toBe(false);
  });

  it('that is interrupted says how to go on', async () => {
    const server = await engine({ start: true });
    await register(server, 3);
    await server.projector.positions.reached('customers', 3);
    await server.close();
    const reader = await database.sql.reserve();
    await reader`begin`;
    await reader`select count(*) from read.customers_v2`;
    const { child, done } = startCli(database.url, ['projections', 'rebuild', 'customers']);
    await until(async () => (await shadows())[0]?.position === 3);
    child.kill('SIGINT');
    const { code, stderr } = await done;
    await reader`rollback`;
    reader.release();
    expect(code).toBe(130);
    expect(stderr).toContain('The rebuild of customers is kept at position 3: a running server goes on with it');
    expect(await shadows()).toMatchObject([{ owner: null }]);
    expect((await cli('rebuild', 'customers')).code).toBe(0);
  });

  it('is not understood without a name, and knows the names', async () => {
    expect(await cli('rebuild')).toMatchObject({ code: 2 });
    expect(await cli('rebuild', 'customers', '--all')).toMatchObject({ code: 2 });
    const { code, stderr } = await cli('rebuild', 'nothing');
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there are customers, products, orders'),
    });
  });
});
