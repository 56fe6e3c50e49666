import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { rootOf } from '../../../src/database/errors.ts';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import { isTransient } from '../../../src/database/transient.ts';
import { AppendQueue } from '../../../src/kernel/log/append/append-queue.ts';
import { EventLog } from '../../../src/kernel/log/event-log.ts';
import type { EngineOccurrences } from '../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { anAppend } from '../../support/kernel/appends.ts';
import { openName } from '../../support/postgres/name.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { lacks } from '../../support/server/environment.ts';

describe.skipIf(lacks('pg_basebackup'))('a primary and its standby', () => {
  const database = useReplicatedDatabase();

  /** A name that leads to one of the two servers. */
  async function nameOfPrimary() {
    const name = await openName(database.url);
    onTestFinished(name.close);
    return name;
  }

  function open(url: string, options: { kind?: 'writable' | 'primary' | 'any' } = {}) {
    const pool = openPool({ url, connections: 1, applicationName: 'failover test', ...options });
    onTestFinished(() => pool.close(0));
    const isStandby = async () => {
      const [row] = await pool.db.execute<{ standby: boolean }>(sql`select pg_is_in_recovery() as standby`);
      return row?.standby;
    };
    return { pool, isStandby };
  }

  it.each(['writable', 'primary'] as const)(
    'a %s pool leaves the standby as soon as the name leads to the primary',
    async (kind) => {
      const name = await nameOfPrimary();
      const { isStandby } = open(name.url, { kind });
      expect(await isStandby()).toBe(false);
      name.leadTo(database.readUrl);
      const failures: unknown[] = [];
      while (failures.length < 3) failures.push(await isStandby().catch((error) => error));
      expect(failures.every(isTransient)).toBe(true);
      expect(rootOf(failures.at(-1)).code).toBe('25006');
      name.leadTo(database.url);
      expect(await isStandby()).toBe(false);
    },
  );

  it('an append that meets the standby is sent again until the name leads to the primary', async () => {
    await migrateDatabase(database.url);
    const name = await nameOfPrimary();
    const { pool } = open(name.url, { kind: 'writable' });
    const refusals: string[] = [];
    const queue = new AppendQueue(new EventLog(pool.db, {}), {
      limit: 10,
      batchLimit: 10,
      onCommitted: () => {},
      observer: new Observer<EngineOccurrences>([
        {
          appendRetried: ({ error }) => {
            const { code } = rootOf(error);
            if (code === '25006' && refusals.push(code) === 1) name.leadTo(database.url);
          },
        },
      ]),
    });
    await queue.append(anAppend());
    name.leadTo(database.readUrl);
    expect(await queue.append(anAppend())).toMatchObject({ outcome: 'accepted', position: 2 });
    expect(refusals).toContain('25006');
    await queue.close();
  });

  it('a session that turns out to read only is not used again', async () => {
    const { pool } = open(database.url);
    const pidOf = async () => (await pool.db.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`))[0]?.pid;
    const before = await pidOf();
    await pool.db.execute(sql`set default_transaction_read_only = on`);
    const refused = await pool.db.execute(sql`create table never ()`).catch((error) => error);
    expect(rootOf(refused).code).toBe('25006');
    await pool.db.execute(sql`create table once_more ()`).catch(() => undefined);
    expect(await pidOf()).not.toBe(before);
  });

  it.each([
    ['any', 'standby', true],
    ['read-write', 'primary', false],
    ['primary', 'primary', false],
    ['standby', 'standby', true],
    ['read-only', 'standby', true],
    ['prefer-standby', 'standby', true],
  ])('several hosts and target_session_attrs=%s lead to the %s', async (attributes, _, standby) => {
    const [primary, replica] = [new URL(database.url), new URL(database.readUrl)];
    const hosts = `127.0.0.1:1,${replica.host},${primary.host}`;
    const url = `postgres://${primary.username}@${hosts}${primary.pathname}?target_session_attrs=${attributes}`;
    expect(await open(url, { kind: 'any' }).isStandby()).toBe(standby);
  });

  it('no server will do if none is of the kind that is asked for, and each is named', async () => {
    const { host, pathname, username } = new URL(database.url);
    const url = `postgres://${username}@${host},127.0.0.1:1${pathname}?target_session_attrs=standby`;
    const error = await open(url, { kind: 'any' })
      .isStandby()
      .catch((failure) => failure);
    expect(rootOf(error).message).toMatch(/^no server will do: .*is a primary.*; 127\.0\.0\.1:1: .*ECONNREFUSED/);
  });
});
