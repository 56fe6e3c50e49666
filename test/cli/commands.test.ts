import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { registerCustomer } from '../../src/domains/customers/customer.ts';
import { domains } from '../../src/domains/index.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import { system } from '../support/kernel/counter.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { createDatabase, useDatabase } from '../support/postgres/database.ts';
import { runCli, startCli } from './support.ts';

const database = useDatabase({ per: 'emptied' });
const engine = useEngine(database, domains);
const cli = (...args: string[]) => runCli(database.url, args);
const ada = { name: 'Ada', email: 'ada@example.org' };

/** An event that some other version of the application has written. */
async function storeEvent(type: string, schemaVersion: number, data: Record<string, string>): Promise<void> {
  const { sql } = database;
  await sql`
    with stream as (
      insert into es.streams (stream_type, stream_id, version, occurred_at) values ('Customer', gen_random_uuid(), 1, now())
      returning stream_id
    )
    insert into es.events (position, stream_type, stream_id, version, type, schema_version, data, metadata, command_id,
                           event_id, occurred_at, recorded_at)
    select coalesce(max(position), 0) + 1, 'Customer', (select stream_id from stream), 1, ${type}, ${schemaVersion}, ${sql.json(data)},
           '{}', gen_random_uuid(), gen_random_uuid(), now(), now() from es.events`;
}

describe('events check', () => {
  it('finds every event that this version cannot read, and why', async () => {
    const { bus } = await engine();
    await bus.execute(registerCustomer, ada, system);
    await storeEvent('CustomerRegistered', 1, { name: 'Bob' });
    await storeEvent('CustomerRegistered', 2, ada);
    await bus.execute(registerCustomer, ada, system);
    await storeEvent('CustomerBlessed', 1, {});
    const { code, stdout, stderr } = await cli('events', 'check');
    expect(code).toBe(1);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^2\tCustomerRegistered\t1\temail: /);
    expect(lines[1]).toBe('3\tCustomerRegistered\t2\tthis code knows versions 1 to 1');
    expect(lines[2]).toBe('5\tCustomerBlessed\t1\tno domain defines this event');
    expect(stderr).toMatch(/Error UNREADABLE_EVENT: This version cannot read 3 of 5 events; [^\n]*\n$/);
  });

  it('is content with a log that it can read, and with an empty one', async () => {
    expect(await cli('events', 'check')).toMatchObject({
      code: 0,
      stdout: 'This version reads all 0 events, and the log is whole.\n',
    });
    const { bus } = await engine();
    await bus.execute(registerCustomer, ada, system);
    expect(await cli('events', 'check')).toMatchObject({
      code: 0,
      stdout: 'This version reads all 1 events, and the log is whole.\n',
    });
  });

  it('says against another database what servers of an older version will meet', async () => {
    const { bus } = await engine();
    await bus.execute(registerCustomer, ada, system);
    const elsewhere = 'postgres://nobody:secret@127.0.0.1:1/none';
    const { code, stdout } = await runCli(elsewhere, ['events', 'check', '--against', database.url]);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('This version reads all 1 events, and the log is whole.');
    expect(lines).toContainEqual(expect.stringMatching(/^OrderPlaced\t\d+\tnever stored$/));
    expect(lines.filter((line) => line.startsWith('CustomerRegistered\t'))).toEqual([]);
    expect(stdout).toContain('AHEAD_OF_CODE');
  });

  it('migrates nothing: a database without tables stays without them', async () => {
    const empty = await createDatabase();
    try {
      const { code, stderr } = await runCli(empty.url, ['events', 'check']);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Error DATABASE_NOT_SET_UP: [^\n]*\n$/);
    } finally {
      await empty.drop();
    }
  });
});

describe('events list', () => {
  it('shows the end of the log, or of one stream', async () => {
    const { bus } = await engine();
    const first = receiptOf(await bus.execute(registerCustomer, ada, system));
    await bus.execute(registerCustomer, { ...ada, name: 'Bob' }, system);
    const all = (await cli('events', 'list')).stdout.trimEnd().split('\n');
    expect(all).toHaveLength(3);
    expect(all[1]).toContain('"name":"Ada"');
    const last = (await cli('events', 'list', '--last', '1', '--json')).stdout;
    expect(JSON.parse(last)).toMatchObject({ position: 2, type: 'CustomerRegistered', data: { name: 'Bob' } });
    const one = (await cli('events', 'list', '--stream', first.aggregateId, '--json')).stdout;
    expect(JSON.parse(one)).toMatchObject({ streamId: first.aggregateId, version: 1 });
    expect((await cli('events', 'list', '--stream', randomUUID())).stdout).toBe('There are no such events.\n');
  });
});

describe('what was stored by others', () => {
  it('is shown to a terminal and not obeyed, and is the same to a program', async () => {
    const { bus } = await engine();
    const name = 'Ada\u001b]0;owned\u0007\u202e\u200b\u009b2J';
    await bus.execute(registerCustomer, { ...ada, name }, system);
    for (const args of [
      ['events', 'list'],
      ['events', 'list', '--json'],
    ]) {
      const { stdout } = await cli(...args);
      expect(stdout).toMatch(/^[\x20-\x7e\n]+$/);
      expect(stdout).toContain('Ada\\u001b]0;owned\\u0007\\u202e\\u200b\\u009b2J');
    }
    const { stdout } = await cli('events', 'list', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ data: { name } });
  });
});

describe('a URL in the configuration', () => {
  it('is shown without the credentials in it, also if it is wrong', async () => {
    const url = 'https://ada:hunter2@pay.example/v1?api_key=hunter2';
    const { code, stdout } = await runCli(database.url, ['config'], { PAYMENT_GATEWAY_URL: url });
    expect(code).toBe(0);
    expect(stdout).toContain('PAYMENT_GATEWAY_URL = https://***@pay.example/v1?api_key=***\n');
    const bad = await runCli(database.url, ['config'], { AUTH_JWKS_URL: 'ftp://ada:hunter2@id.example' });
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain('ftp://***@id.example');
    for (const text of [stdout, bad.stdout, bad.stderr]) expect(text).not.toContain('hunter2');
  });
});

describe('restore-epoch', () => {
  const epoch = async () => (await database.sql`select epoch from es.store`)[0]?.epoch;

  it('makes tokens of before foreign', async () => {
    const before = await epoch();
    const { code, stdout } = await cli('restore-epoch', '--yes');
    expect(code).toBe(0);
    const after = await epoch();
    expect(after).not.toBe(before);
    expect(stdout).toContain(`The epoch is now ${after}; it was ${before}.`);
    expect(stdout).toContain('FOREIGN_TOKEN');
  });

  it('changes nothing unless it is confirmed', async () => {
    const before = await epoch();
    const { code, stderr } = await cli('restore-epoch');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error NOT_CONFIRMED: [^\n]*--yes[^\n]*\n$/);
    expect(await epoch()).toBe(before);
  });

  it('drops a version that this code does not have and that holds events which the log has lost', async () => {
    const { sql } = database;
    await sql`create table read.orders_v1 (id uuid primary key)`;
    await sql`insert into read.read_models (key, name, version, tables) values ('orders@1', 'orders', 1, '{orders_v1}')`;
    await sql`insert into read.checkpoints (projection, kind, consumer, version, position)
              values ('orders@1', 'projection', 'orders', 1, 1000)`;
    const { code, stdout } = await cli('restore-epoch', '--yes');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Dropped orders@1: /m);
    expect(stdout).not.toContain('rebuild each');
    expect([...(await sql`select projection from read.checkpoints where position > 0`)]).toEqual([]);
    expect([...(await sql`select to_regclass('read.orders_v1') is null as gone`)]).toEqual([{ gone: true }]);
  });

  it('says so if a server goes on with the former epoch', async () => {
    await engine({ start: true });
    expect((await cli('restore-epoch', '--yes')).stderr).toContain('a server is running on this database; restart it');
  });
});

describe('migrate', () => {
  it('brings an empty database up to date, and says where there is nothing to do', async () => {
    const empty = await createDatabase();
    try {
      expect((await runCli(empty.url, ['migrate'])).stdout).toMatch(
        /^Migrated: (\d+) migrations applied, \1 in all\.\n$/,
      );
      expect((await runCli(empty.url, ['migrate'])).stdout).toMatch(
        /^Nothing to do: the database has all \d+ migrations\.\n$/,
      );
    } finally {
      await empty.drop();
    }
  });
});

describe('config', () => {
  it('shows values, defaults and meanings, and no secret', async () => {
    const secret = 'this is a secret of more than 32 bytes';
    const { code, stdout } = await runCli(database.url, ['config'], { PORT: '4711', AUTH_JWT_SECRET: secret });
    expect(code).toBe(0);
    expect(stdout).toContain('PORT = 4711\n    TCP port to listen on; 0 chooses any free one. Default: 4000.\n');
    expect(stdout).toContain('AUTH_JWT_SECRET = (set, not shown)\n');
    expect(stdout).toContain('DATABASE_URL = (set, not shown)\n');
    expect(stdout).toContain('AUTH_JWKS_URL = (not set)\n');
    expect(stdout).not.toContain(secret);
  });

  it('shows the defaults of production there', async () => {
    const { stdout } = await runCli(database.url, ['config'], { NODE_ENV: 'production' });
    expect(stdout).toContain('GRAPHIQL = off\n');
    expect(stdout).toContain('Default: on, in production off.');
  });

  it('shows what is set even where that is wrong, and then what is wrong', async () => {
    const { code, stdout, stderr } = await runCli(database.url, ['config'], { PORT: 'x', LOG_LEVEL: 'loud' });
    expect(code).toBe(1);
    expect(stdout).toContain('PORT = x\n');
    expect(stderr).toMatch(/^Error BAD_CONFIG: [^\n]*PORT[^\n]*LOG_LEVEL[^\n]*\n$/);
  });
});

describe('a command that cannot be carried out', () => {
  it('says why in one line that begins with a code, and exits with 1', async () => {
    const { code, stdout, stderr } = await runCli('postgres://nobody:secret@127.0.0.1:1/none', ['events', 'check']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Error DATABASE_UNREACHABLE: Postgres at 127\.0\.0\.1:1\/none [^\n]*\n$/);
    expect(stderr).not.toContain('secret');
  });

  it('exits with 2 where it is not understood', async () => {
    expect(await cli('event')).toMatchObject({ code: 2, stdout: '' });
    expect(await cli('events', 'list', '--last', 'some')).toMatchObject({ code: 2, stdout: '' });
    expect(await cli('import', 'online-retail')).toMatchObject({ code: 2, stdout: '' });
  });

  it('is explained by --help', async () => {
    const { code, stdout } = await cli('import', 'online-retail', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('Running it again imports nothing twice');
  });
});

describe('the process', () => {
  it('has the results on standard output, errors on standard error, and ends with the exit code', async () => {
    expect(await startCli(database.url, ['events', 'check']).done).toEqual({
      code: 0,
      stdout: 'This version reads all 0 events, and the log is whole.\n',
      stderr: expect.stringMatching(/^Reading: 0 of 0 events/),
    });
    expect(await startCli(database.url, ['restore-epoch']).done).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^Error NOT_CONFIRMED: /),
    });
    expect(await startCli(database.url, ['event']).done).toMatchObject({ code: 2, stdout: '' });
  });
});
