import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import type { Finding } from '../../../src/doctor/finding.ts';
import { onServer, useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { openTransactionPooler } from '../../support/postgres/transaction-pooler.ts';
import { lacks } from '../../support/server/environment.ts';
import { runCli } from '../support.ts';

const database = useDatabase();
const openProxy = useProxy(database);

async function findings(
  url = database.url,
  env: Record<string, string> = {},
): Promise<{ code: number | null; all: Finding[] }> {
  const { code, stdout } = await runCli(url, ['doctor', '--json'], env);
  return {
    code,
    all: stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Finding),
  };
}
const named = (all: readonly Finding[], check: string) => all.filter((finding) => finding.check === check);

describe('doctor', () => {
  it('finds nothing that hinders a good database, and changes nothing', async () => {
    const { code, all } = await findings();
    const problems = all.filter(({ level }) => level === 'problem').map(({ check }) => check);
    // Servers for tests may do without it.
    expect(problems.filter((check) => check !== 'durability')).toEqual([]);
    expect(code).toBe(problems.length > 0 ? 1 : 0);
    const good = [
      'node',
      'connection',
      'server',
      'writing',
      'locale',
      'encryption',
      'rights',
      'roles',
      'pooler',
      'clock',
    ];
    for (const check of [...good, 'standbys', 'migrations', 'checkpoints', 'parked', 'log']) {
      expect(
        named(all, check).map(({ level }) => level),
        check,
      ).toContain('ok');
    }
  });

  it('counts the connections of a user who may not create roles as the start does', async () => {
    const user = `limited_${randomUUID().slice(0, 8)}`;
    await onServer((sql) => sql.unsafe(`create role ${user} login password 'secret' connection limit 6`));
    onTestFinished(() => onServer((sql) => sql.unsafe(`drop role ${user}`)));
    const url = new URL(database.url);
    [url.username, url.password] = [user, 'secret'];
    const { code, all } = await findings(url.href);
    expect(code).toBe(1);
    expect(named(all, 'connections')).toEqual([
      expect.objectContaining({
        level: 'problem',
        fact: expect.stringMatching(/^The database allows 6 connections \(connection limit of the user\)/),
      }),
    ]);
  });

  it('names what is wrong with a hostile one, each with what to do', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await onServer((sql) => sql.unsafe(`alter database "${name}" set datestyle = 'SQL, DMY'`));
    await database.sql`insert into es.streams (stream_type, stream_id, version, occurred_at)
                       values ('Ghost', gen_random_uuid(), 2, now())`;
    const { code, all } = await findings();
    expect(code).toBe(1);
    expect(named(all, 'settings')[0]).toMatchObject({
      level: 'warning',
      fact: expect.stringMatching(/datestyle.*SQL, DMY.*database/i),
    });
    expect(named(all, 'log')[0]).toMatchObject({ level: 'problem', fact: expect.stringContaining('Ghost') });
    for (const { level, advice } of all) expect(advice === undefined).toBe(level === 'ok');
    const { stdout, stderr } = await runCli(database.url, ['doctor']);
    expect(stdout).toMatch(/^ok {7}node: Node /m);
    expect(stdout).toMatch(/^problem {2}log: /m);
    expect(stderr).toContain('Error PROBLEMS_FOUND: ');
  });

  it('says that a database cannot be reached, without its password', async () => {
    const { code, all } = await findings('postgres://ada:secret@127.0.0.1:1/shop');
    expect(code).toBe(1);
    expect(all.at(-1)).toMatchObject({ level: 'problem', check: 'connection' });
    expect(JSON.stringify(all)).not.toContain('secret');
  });

  it('names a pooler in transaction mode, and what does not work behind it', async () => {
    const { code, all } = await findings(await openTransactionPooler(database.url));
    expect(code).toBe(1);
    expect(named(all, 'pooler')).toMatchObject([
      {
        level: 'problem',
        fact: expect.stringContaining('transaction mode'),
        advice: expect.stringContaining('DATABASE_URL'),
      },
    ]);
  });

  it('warns of a pooler that hides which backend answers', async () => {
    const proxy = await openProxy();
    proxy.renumber((pid) => pid + 1_000_000);
    expect(named((await findings(proxy.url)).all, 'pooler')).toMatchObject([
      { level: 'warning', fact: expect.stringMatching(/session mode names backend 1\d{6} where \d+ answers/) },
    ]);
  });

  it('names a pooler that refuses the settings of sessions', async () => {
    const server = createServer((socket) => {
      socket
        .on('error', () => {})
        .on('data', (data) => {
          // A request for encryption is eight bytes long.
          if (data.length === 8) return void socket.write('N');
          const fields = 'SFATAL\0C08P01\0Munsupported startup parameter: DateStyle\0\0';
          const head = Buffer.from('E\0\0\0\0');
          head.writeInt32BE(fields.length + 4, 1);
          return void socket.end(Buffer.concat([head, Buffer.from(fields)]));
        });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { all } = await findings(`postgres://ada@127.0.0.1:${(server.address() as AddressInfo).port}/shop`);
    expect(all.at(-1)).toMatchObject({
      level: 'problem',
      check: 'connection',
      advice: expect.stringMatching(/^A pooler such as PgBouncer answers here/),
    });
  });

  it('names a log that is shorter than what was done with it, and what is put aside', async () => {
    await database.sql`insert into read.checkpoints (projection, version, position) values ('orders@3', 1, 7)`;
    const { all } = await findings();
    expect(named(all, 'checkpoints')).toMatchObject([
      { level: 'problem', fact: 'the log ends at 0, and these have seen later events: orders@3 (7)' },
    ]);
  });

  it('names clocks that differ by more than the limit', async () => {
    const now = Date.now;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 600_000);
    onTestFinished(() => clock.mockRestore());
    const { all } = await findings();
    expect(named(all, 'clock')).toMatchObject([
      {
        level: 'problem',
        fact: expect.stringMatching(/differs by -(599|600)\d{3} ms/),
        advice: expect.stringContaining('CLOCK_SKEW_LIMIT_MS'),
      },
    ]);
  });
});

describe.skipIf(lacks('pg_basebackup'))('doctor of a primary with a standby', () => {
  const replicated = useReplicatedDatabase();

  it('warns that a failover may lose events, that the replica lags, and of what the server is set to', async () => {
    const { primary, replica, url, readUrl } = replicated;
    await migrateDatabase(url);
    await primary.ask(`alter system set synchronous_commit = off`);
    await primary.ask(`alter system set track_activities = off`);
    await primary.ask('select pg_reload_conf()');
    const ask = () => findings(url, { READ_DATABASE_URL: readUrl });
    const { all } = await ask();
    expect(named(all, 'standbys')).toMatchObject([
      { level: 'warning', fact: expect.stringContaining('no standby is synchronous (1 connected)') },
    ]);
    expect(named(all, 'replica')).toMatchObject([{ level: 'warning', fact: 'hot_standby_feedback is off there' }]);
    expect(named(all, 'settings').map(({ fact }) => fact)).toEqual(
      expect.arrayContaining([
        "synchronous_commit is 'off' (configuration file)",
        'track_activities is off (configuration file)',
      ]),
    );
    expect(named((await findings(readUrl)).all, 'writing')).toMatchObject([
      { level: 'problem', fact: 'the server is a standby, which only reads' },
    ]);
    // The tests' servers are started so.
    expect(named(all, 'durability')).toMatchObject([{ level: 'problem', fact: 'fsync is off (command line)' }]);
    await replica.pause();
    // More than 16 MiB, and nothing that can be compressed.
    await replicated.sql`create table public.bulk as
      select (select string_agg(md5((n * 1000 + m)::text), '') from generate_series(1, 60) m) from generate_series(1, 12000) n`;
    await primary.ask(`alter system set synchronous_standby_names = 'nobody'`);
    await primary.ask('select pg_reload_conf()');
    const later = await ask();
    expect(named(later.all, 'replica')[0]).toMatchObject({
      level: 'warning',
      fact: expect.stringMatching(/is \d+ KiB behind/),
    });
    expect(named(later.all, 'standbys')).toContainEqual(
      expect.objectContaining({
        level: 'problem',
        fact: expect.stringContaining("synchronous_standby_names = 'nobody'"),
      }),
    );
  });
});
