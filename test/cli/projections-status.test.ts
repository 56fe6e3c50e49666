import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { APPEND_LOCK } from '../../src/database/activity/locks.ts';
import { registerCustomer } from '../../src/domains/customers/customer.ts';
import { domains } from '../../src/domains/index.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import { system } from '../support/kernel/counter.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { holdUp } from '../support/postgres/blocker.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';
import { runCli } from './support.ts';

const database = useDatabase({ per: 'emptied' });
const engine = useEngine(database, domains);
const cli = (...args: string[]) => runCli(database.url, args);
const ada = { name: 'Ada', email: 'ada@example.org' };

describe('projections status', () => {
  it('says where each read model stands and whether somebody moves it', async () => {
    const running = await engine({ start: true });
    const { position } = receiptOf(await running.bus.execute(registerCustomer, ada, system));
    await running.projector.positions.reached('customers', position);
    const { stdout } = await cli('projections', 'status');
    expect(stdout).toMatch(/^projection +version +state +position +head +lag +lag state +owner +size +age\n/);
    expect(stdout).toMatch(/\ncustomers +2 +RUNNING +1 +1 +0 +NORMAL +\S+:\d+ +\d\S* kB +\d+ (s|min)\n/);
    await running.close();
    const rows = JSON.parse((await cli('projections', 'status', '--json')).stdout);
    const states = new Map(rows.map((row: { projection: string; state: string }) => [row.projection, row.state]));
    expect([...states.keys()]).toEqual(expect.arrayContaining(running.projector.positions.names));
    expect(new Set(states.values())).toEqual(new Set(['STOPPED']));
  });

  it('says why one stands still', async () => {
    const { close } = await engine({ start: true });
    await close();
    await database.sql`update read.checkpoints set failure = 'It met a poison.' where projection = 'orders@3'`;
    const { stdout } = await cli('projections', 'status');
    expect(stdout).toMatch(/\norders +3 +STALLED /);
    expect(stdout).toContain('orders: It met a poison.\n');
  });

  it('tells one that is filled for the first time from one that nobody fills', async () => {
    const { bus, close } = await engine({ start: true });
    await bus.execute(registerCustomer, ada, system);
    await close();
    await database.sql`update read.checkpoints set position = 0, whole_at = 1 where projection in ('customers@2', 'orders@3')`;
    // Another transaction holds the row, so that a living server cannot renew its lease.
    const owner = randomUUID();
    await database.sql`insert into read.instances (id, process, moves, alive_until)
      values (${owner}, 'other:1', '{}', now() + interval '1 hour')`;
    await database.sql`update read.checkpoints set owner = ${owner}, owner_process = 'other:1', lease_until = now() - interval '1 second'
      where projection = 'customers@2'`;
    const rows: { key: string }[] = JSON.parse((await cli('projections', 'status', '--json')).stdout);
    const rowOf = (key: string) => rows.find((row) => row.key === key);
    expect(rowOf('customers@2')).toMatchObject({ state: 'REBUILDING', owner, process: 'other:1' });
    expect(rowOf('orders@3')).toMatchObject({ state: 'STOPPED', owner: null });
    const { stdout } = await cli('projections', 'status');
    expect(stdout).toMatch(/\ncustomers +2 +REBUILDING +0 +1 +1 +\S+ +other:1 /);
    expect(stdout).toMatch(/\norders +3 +STOPPED .* - /);
  });

  it('says who is in the way of appending or of a read model, and what they have run', async () => {
    const running = await engine({ start: true });
    const statement = 'lock table read.customers_v2 in share mode';
    const projecting = await holdUp(database, statement);
    const { aggregateId } = receiptOf(await running.bus.execute(registerCustomer, ada, system));
    const appending = await holdUp(database, `select pg_advisory_xact_lock(${APPEND_LOCK})`);
    const command = running.bus.execute(registerCustomer, ada, system);
    const { stdout } = (await until(async () => {
      const result = await cli('projections', 'status');
      return ['Appending', 'Projection customers'].every((what) => result.stdout.includes(what)) && result;
    })) || { stdout: '' };
    expect(stdout).toContain(
      `before event 1, CustomerRegistered of Customer ${aggregateId}: it waits for RowExclusiveLock`,
    );
    expect(stdout).toContain(`  ${projecting.pid} ran: ${statement}\n`);
    expect(stdout).toContain(
      `it waits for the log's append lock (advisory lock ${APPEND_LOCK}), held by backend ${appending.pid}`,
    );
    const rows = JSON.parse((await cli('projections', 'status', '--json')).stdout);
    expect(rows.find((row: { projection: string }) => row.projection === 'customers')).toMatchObject({
      lag: 1,
      lagState: expect.stringMatching(/WARNING|CRITICAL/),
      stall: { blockers: [{ pid: projecting.pid }] },
    });
    await Promise.all([projecting.release(), appending.release()]);
    await command;
  });
});

describe('projections prune', () => {
  it('drops a version that has been unused for two minutes, and says of another one when it will', async () => {
    const { sql } = database;
    await (await engine({ start: true })).close();
    expect((await cli('projections', 'prune')).stdout).toBe('There is no version that no running server uses.\n');
    const since = (age: string) => sql`
      insert into read.read_models (key, name, version, tables, used_at)
      values ('orders@1', 'orders', 1, '{orders_v1}', now() - ${age}::interval)
      on conflict (key) do update set used_at = excluded.used_at`;
    await sql`create table read.orders_v1 (id uuid primary key)`;
    await since('30 s');
    const { stdout } = await cli('projections', 'prune');
    const [, ago, left] =
      /^orders@1: kept, since it was in use until (\d+) s ago; run it again in (\d+) s\.\n$/.exec(stdout) ?? [];
    expect(Number(ago)).toBeGreaterThanOrEqual(30);
    expect(Number(left)).toBeGreaterThan(0);
    expect(Number(left)).toBeLessThanOrEqual(90);
    await since('121 s');
    expect((await cli('projections', 'prune')).stdout).toBe('orders@1: dropped.\n');
    expect(await sql`select to_regclass('read.orders_v1') as table`).toEqual([{ table: null }]);
  });
});
