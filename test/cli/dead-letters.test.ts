import { beforeEach, describe, expect, it } from 'vitest';
import { registerCustomer, renameCustomer } from '../../src/domains/customers/customer.ts';
import { domains } from '../../src/domains/index.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import { system } from '../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../support/kernel/engine.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';
import { runCli } from './support.ts';

const database = useDatabase();
const openEngine = useEngine(database, domains);
const cli = (...args: string[]) => runCli(database.url, ['dead-letters', ...args]);

let engine: TestEngine;
let id: string;
let key: string;

beforeEach(async () => {
  engine = await openEngine({ start: true });
  const ada = receiptOf(await engine.bus.execute(registerCustomer, { name: 'Ada', email: 'ada@example.org' }, system));
  id = ada.aggregateId;
  key = `Customer/${id}`;
  await engine.projector.positions.reached('customers', ada.position);
  await database.sql`alter table read.customers_v2 add constraint touchy check (name <> 'Eve') not valid`;
  for (const name of ['Eve', 'Zoe']) await engine.bus.execute(renameCustomer, { customerId: id, name }, system);
  await until(async () => (await database.sql`select from read.dead_letters`).length === 2);
});

const mend = () =>
  database.sql`alter table read.customers_v2 drop constraint touchy, drop constraint if exists touchier`;
const nameInTable = async () => (await database.sql`select name, stale_since from read.customers_v2`)[0];

describe('dead-letters', () => {
  it('lists what waits and why', async () => {
    const { code, stdout } = await cli('list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^projection +key +position +event +since +behind +error\n/);
    expect(stdout).toMatch(
      new RegExp(
        `\\ncustomers +${key} +2 +CustomerRenamed +\\S+Z +1 +Projection customers failed at position 2: .*23514`,
      ),
    );
    expect((await cli('list', 'orders')).stdout).toBe('There are no dead letters.\n');
    const [line] = (await cli('list', 'customers', '--json')).stdout.split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({ key, position: 2, behind: 1 });
    expect(await cli('list', 'ghosts')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error UNKNOWN_PROJECTION: [^\n]*customers[^\n]*\n$/),
    });
  });

  it('shows the events of a key, their data only where it is asked for', async () => {
    const plain = (await cli('show', 'customers', key)).stdout;
    expect(plain.trimEnd().split('\n')).toHaveLength(3);
    expect(plain).not.toContain('Eve');
    const data = (await cli('show', 'customers', key, '--data')).stdout;
    expect(data).toContain('{"name":"Eve"}');
    expect(await cli('show', 'customers', 'Customer/none')).toMatchObject({ code: 1 });
  });

  it('applies them once what was wrong is mended, and says so while it is not', async () => {
    await database.sql`alter table read.customers_v2 add constraint touchier check (name = 'Ada') not valid`;
    const early = await cli('retry', 'customers', key);
    expect(early.code).toBe(1);
    expect(early.stdout).toMatch(/: 0 applied, 2 still wait, from position 2 on: [^\n]*23514/);
    expect(early.stderr).toMatch(/^Error STILL_WAITING: [^\n]*\n$/);
    expect(await nameInTable()).toEqual({ name: 'Ada', stale_since: 2 });
    await mend();
    expect(await cli('retry', '--all')).toMatchObject({
      code: 0,
      stdout: `customers ${key}: 2 applied, none left.\n`,
    });
    expect(await nameInTable()).toEqual({ name: 'Zoe', stale_since: null });
    const next = receiptOf(await engine.bus.execute(renameCustomer, { customerId: id, name: 'Ida' }, system));
    expect(await engine.projector.positions.reached('customers', next.position, { timeoutMs: 30_000 })).toBe(true);
    expect(await nameInTable()).toEqual({ name: 'Ida', stale_since: null });
    expect(await cli('retry', 'customers', key)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error DEAD_LETTER_NOT_FOUND: /),
    });
    expect((await cli('retry', 'customers')).stderr).toMatch(/^Error WHAT_TO_RETRY: /);
  });

  it('skips one if that is confirmed and the event is the one that was meant', async () => {
    expect((await cli('discard', 'customers', key, '2')).stderr).toMatch(/^Error NOT_CONFIRMED: [^\n]*--yes/);
    expect((await cli('discard', 'customers', key, '3', '--yes')).stderr).toMatch(/^Error DEAD_LETTER_CHANGED: /);
    expect((await database.sql`select from read.dead_letters where status = 'PARKED'`).length).toBe(2);
    const done = await cli('discard', 'customers', key, '2', '--yes', '--reason', 'Eve is nobody');
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toContain('the event at position 2 is skipped');
    expect(await nameInTable()).toEqual({ name: 'Zoe', stale_since: null });
    expect(await database.sql`select position, status, reason from read.dead_letters`).toEqual([
      { position: 2, status: 'DISCARDED', reason: 'Eve is nobody' },
    ]);
  });
});
