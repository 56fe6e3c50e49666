import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MIGRATION_LOCK } from '../../src/database/activity/locks.ts';
import { openPool } from '../../src/database/client.ts';
import { checkActivity } from '../../src/doctor/activity.ts';
import { type Examination, examine } from '../../src/doctor/examine.ts';
import type { CheckName, Finding } from '../../src/doctor/finding.ts';
import { checkEncryption } from '../../src/doctor/server.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';
import { sealSnapshot } from '../../src/kernel/log/streams/snapshot-envelope.ts';
import { anAppend } from '../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../support/kernel/counter.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { connect, onServer, useDatabase } from '../support/postgres/database.ts';

const database = useDatabase({ tables: [countersTable] });
const openEngine = useEngine(database, [counterDomain]);
const { events: types } = registerDomains([counterDomain]);

/** The doctor's findings of one check. */
async function found(check: CheckName, request: Partial<Examination> = {}): Promise<Finding[]> {
  const findings: Finding[] = [];
  const connections = { writer: 4, projector: 4, reader: 10 };
  const signal = AbortSignal.timeout(50_000);
  const usual = { url: database.url, clockSkewLimitMs: 60_000, connections, hasOwnUrls: false, types, signal };
  for await (const finding of examine({ ...usual, ...request })) findings.push(finding);
  return findings.filter((finding) => finding.check === check);
}

/** A database made in some other way than usual, dropped after the test; its URL. */
async function makeDatabase(options: string): Promise<string> {
  const name = `odd_${randomUUID().slice(0, 8)}`;
  await onServer((sql) => sql.unsafe(`create database ${name} template template0 ${options}`));
  onTestFinished(() => onServer((sql) => sql.unsafe(`drop database ${name} with (force)`)));
  const url = new URL(database.url);
  url.pathname = `/${name}`;
  return url.href;
}

/** A user who may not create roles; their URL to the test's database. */
async function makeUser(options = ''): Promise<string> {
  const name = `poor_${randomUUID().slice(0, 8)}`;
  await onServer((sql) => sql.unsafe(`create role ${name} login password 'secret' ${options}`));
  onTestFinished(() => onServer((sql) => sql.unsafe(`drop role ${name}`)));
  const url = new URL(database.url);
  [url.username, url.password] = [name, 'secret'];
  return url.href;
}

async function openDoctorsPool() {
  const pool = openPool({ url: database.url, connections: 1, kind: 'any', applicationName: 'afterwrite doctor' });
  onTestFinished(() => pool.close());
  return pool;
}

describe('the doctor on what surrounds the database', () => {
  it('names a Node that is too old', async () => {
    expect(await found('node', { nodeVersion: '22.11.0' })).toMatchObject([
      { level: 'problem', fact: 'Node 22.11.0 is too old' },
    ]);
  });

  it('names an encoding that cannot hold all text', async () => {
    const url = await makeDatabase("encoding 'LATIN1' locale 'C'");
    expect(await found('server', { url })).toMatchObject([
      { level: 'problem', fact: expect.stringContaining('encoding is LATIN1') },
    ]);
  });

  it('names collations that have changed since the indexes were made', async () => {
    const url = await makeDatabase("locale_provider icu icu_locale 'und' locale 'C' encoding 'UTF8'");
    const name = new URL(url).pathname.slice(1);
    await onServer((sql) => sql`update pg_database set datcollversion = '1.2' where datname = ${name}`);
    expect(await found('locale', { url })).toMatchObject([
      { level: 'warning', fact: expect.stringMatching(/^the database was made with version 1\.2 of its collations/) },
    ]);
  });

  it('warns of a connection that others can read on its way', async () => {
    const { db } = await openDoctorsPool();
    expect(await checkEncryption(db, 'postgres://ada@db.example.org/shop')).toMatchObject([
      { level: 'warning', fact: 'the connection is not encrypted' },
    ]);
  });

  it('names a user who may create neither schemas nor roles', async () => {
    const url = await makeUser();
    expect(await found('rights', { url })).toMatchObject([
      { level: 'warning', fact: expect.stringMatching(/may not create schemas in .*, which has them already$/) },
    ]);
    expect(await found('roles', { url })).toMatchObject([
      { level: 'warning', fact: expect.stringContaining('all connections use it') },
    ]);
    const empty = new URL(url);
    empty.pathname = new URL(await makeDatabase("encoding 'UTF8'")).pathname;
    expect(await found('rights', { url: empty.href })).toMatchObject([
      { level: 'problem', fact: expect.stringMatching(/may not create schemas in odd_\w+$/) },
    ]);
  });

  it('warns that the pools will be smaller than wanted', async () => {
    const url = await makeUser('connection limit 15');
    expect(await found('connections', { url })).toMatchObject([
      { level: 'warning', fact: expect.stringMatching(/^The database allows 15 connections/) },
    ]);
  });

  it('warns of a transaction that has been open for long', async () => {
    const pool = await openDoctorsPool();
    const holder = connect(database.url);
    onTestFinished(() => holder.end());
    await holder.begin('isolation level repeatable read', async (sql) => {
      const [own] = await sql`select pg_backend_pid() as pid`;
      expect(await checkActivity(pool.db, 0)).toContainEqual(
        expect.objectContaining({
          level: 'warning',
          check: 'transactions',
          fact: expect.stringMatching(`^process ${own?.pid} .* has had a transaction open for \\d+ s$`),
        }),
      );
    });
  });

  it('names who holds the lock of migrations', async () => {
    const holder = connect(database.url);
    onTestFinished(() => holder.end());
    const [own] = await holder`select pg_backend_pid() as pid, pg_advisory_lock(${MIGRATION_LOCK})`;
    expect(await found('migration lock')).toMatchObject([
      { level: 'warning', fact: `process ${own?.pid} of Postgres holds it` },
    ]);
  });
});

describe('the doctor on what is stored', () => {
  const append = async () => {
    const { log } = await openEngine();
    await log.append([anAppend()]);
  };

  it('tells missing migrations from those of a newer version', async () => {
    await database.sql`delete from drizzle.__drizzle_migrations
                       where created_at = (select max(created_at) from drizzle.__drizzle_migrations)`;
    expect(await found('migrations')).toMatchObject([{ level: 'warning', fact: expect.stringContaining('lacks') }]);
    await database.sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', ${Date.UTC(2100, 0)})`;
    expect(await found('migrations')).toMatchObject([
      { level: 'problem', fact: expect.stringContaining('newer version') },
    ]);
  });

  it('names events that no domain defines, and those of a newer schema version', async () => {
    await append();
    expect(await found('events', { types: {} })).toMatchObject([
      { level: 'problem', fact: 'no domain of this version defines CounterIncremented (first at position 1)' },
    ]);
    await database.sql`insert into es.events select 2, stream_type, stream_id, 2, type, 9, data, metadata, gen_random_uuid(), null,
      gen_random_uuid(), occurred_at, recorded_at from es.events`;
    expect(await found('events')).toMatchObject([
      { level: 'problem', fact: 'CounterIncremented is stored in schema version 9, and this version knows 1' },
    ]);
  });

  it('names a last event that was recorded in the future', async () => {
    await database.sql.unsafe(
      `create or replace function es.now() returns timestamptz language sql as $$ select clock_timestamp() + interval '1 hour' $$`,
    );
    await append();
    expect(await found('time of the log')).toMatchObject([
      {
        level: 'problem',
        fact: expect.stringMatching(/recorded 3[56]\d\d s in the future$/),
        advice: expect.stringContaining('clock accept'),
      },
    ]);
  });

  it('warns of what processes and read models have put aside', async () => {
    await database.sql`insert into read.parked_items (consumer, line, initiator) values ('process:Loan', 'Loan 1', 'ada')`;
    await database.sql`insert into read.dead_letters (projection, key, position, stream_type, stream_id, event_type, version)
                       values ('counters', 'Counter/1', 1, 'Counter', gen_random_uuid(), 'CounterIncremented', 1)`;
    expect((await found('parked')).map(({ level, fact }) => [level, fact])).toEqual([
      ['warning', '1 steps of processes or calls are parked'],
      ['warning', '1 events are in dead letters of read models'],
    ]);
  });

  it('warns of snapshots that are not as they were stored', async () => {
    await append();
    const good = { streamType: 'Counter', streamId: randomUUID(), version: 1, stateVersion: 1 };
    const { keys: _, ...sealed } = sealSnapshot(good, {}, { label: 'é' });
    await database.sql`insert into es.snapshots (stream_type, stream_id, version, state_version, state)
                       values ('Counter', ${good.streamId}, 1, 1, ${database.sql.json({ ...sealed })})`;
    expect(await found('snapshots')).toMatchObject([{ level: 'ok', fact: 'the 1 newest are as they were stored' }]);
    await database.sql`insert into es.snapshots (stream_type, stream_id, version, state_version, state)
                       select stream_type, stream_id, 1, 1, '{}' from es.streams`;
    expect(await found('snapshots')).toMatchObject([
      {
        level: 'warning',
        fact: expect.stringMatching(/^1 of the 2 newest are damaged, .*: Counter\/\S+ \(version 1\)$/),
      },
    ]);
  });
});
