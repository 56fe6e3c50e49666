import { describe, expect, it } from 'vitest';
import { registerCustomer } from '../../src/domains/customers/customer.ts';
import { domains } from '../../src/domains/index.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import { system } from '../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../support/kernel/engine.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';
import { runCli, startCli } from './support.ts';

const database = useDatabase({ per: 'emptied' });
const engine = useEngine(database, domains);
const cli = (...args: string[]) => runCli(database.url, ['projections', ...args]);
const shadows = () => database.sql`select * from read.checkpoints where projection like '%#%'`;
const shadowTable = async () => (await database.sql`select to_regclass('read.customers_v2__verify') as it`)[0]?.it;

async function registered({ bus, projector }: TestEngine, ...names: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) {
    const receipt = receiptOf(await bus.execute(registerCustomer, { name, email: 'a@example.org' }, system));
    await projector.positions.reached('customers', receipt.position);
    ids.push(receipt.aggregateId);
  }
  return ids;
}

describe('projections verify', () => {
  it('is content if each row is what the log makes of it', async () => {
    await registered(await engine({ start: true }), 'Ada', 'Bob');
    const { code, stdout } = await cli('verify', '--all');
    expect(code).toBe(0);
    expect(stdout).toContain('customers: 2 rows at position 2, as the log says.\n');
    expect(stdout).toContain('orders: 0 rows at position 2, as the log says.\n');
    expect(await shadows()).toEqual([]);
    expect(await shadowTable()).toBeNull();
  });

  it('shows what is missing, what is there for nothing, and which columns differ', async () => {
    const [ada, bob] = await registered(await engine({ start: true }), 'Ada', 'Bob', 'Cleo');
    const { sql } = database;
    const extra = 'ffffffff-ffff-4fff-bfff-ffffffffffff';
    await sql`insert into read.customers_v2 select (jsonb_populate_record(c, ${sql.json({ id: extra })})).* from read.customers_v2 c where id = ${bob ?? ''}`;
    await sql`delete from read.customers_v2 where id = ${ada ?? ''}`;
    await sql`update read.customers_v2 set name = 'Bert', email = null where id = ${bob ?? ''}`.catch(
      () => sql`update read.customers_v2 set name = 'Bert', email = 'b@example.org' where id = ${bob ?? ''}`,
    );
    const { code, stdout, stderr } = await cli('verify', 'customers');
    expect(code).toBe(1);
    expect(stdout.split('\n')).toEqual([
      'customers: 3 rows at position 3, not as the log says: 1 missing, 1 extra, 1 different.',
      `missing\t${ada}`,
      `different\t${bob}\tname, email`,
      `extra\t${extra}`,
      '',
    ]);
    expect(stderr).toContain('Error NOT_AS_THE_LOG_SAYS: customers: ');
    expect(await shadowTable()).toBeNull();
  });

  it('counts rows that lack parked events apart', async () => {
    const [ada] = await registered(await engine({ start: true }), 'Ada');
    await database.sql`update read.customers_v2 set name = 'A', stale_since = 1 where id = ${ada ?? ''}`;
    const { code, stdout } = await cli('verify', 'customers');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `customers: 1 rows at position 1, as the log says: 1 stale.\nstale\t${ada}\tname\n`,
    });
  });

  it('is refused while another one is under way, and leaves nothing where it is interrupted or killed', async () => {
    const server = await engine({ start: true });
    await registered(server, 'Ada');
    // The live table's checkpoint is held: it cannot be compared yet.
    const holder = await database.sql.reserve();
    const hold = async () => {
      await holder`begin`;
      await holder`select from read.checkpoints where projection = 'customers@2' for update`;
    };
    await hold();
    const first = startCli(database.url, ['projections', 'verify', 'customers']);
    await until(async () => (await shadows())[0]?.position === 1);
    const second = await cli('verify', 'customers');
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^Error VERIFY_UNDER_WAY: [^\n]*\n$/m);
    first.child.kill('SIGINT');
    expect((await first.done).code).toBe(130);
    await holder`rollback`;
    expect(await shadowTable()).toBeNull();
    expect(await shadows()).toEqual([]);

    await hold();
    const third = startCli(database.url, ['projections', 'verify', 'customers']);
    await until(async () => (await shadows())[0]?.position === 1);
    third.child.kill('SIGKILL');
    await third.done;
    await holder`rollback`;
    holder.release();
    await until(async () => (await shadows()).length === 0);
    expect(await shadowTable()).toBeNull();
    expect(server.faults).toEqual([]);
  });
});
