import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PoolRole } from '../../src/database/client.ts';
import { type AfterwriteDatabase, openDatabase } from '../../src/database/database.ts';
import { startEmbeddedPostgres } from '../../src/database/embedded/server.ts';
import { rootOf } from '../../src/database/errors.ts';
import { migrateDatabase } from '../../src/database/migrate.ts';
import { createEngine } from '../../src/kernel/engine.ts';
import { anAppend, receiptOf } from '../support/appends.ts';
import { counterDomain, countersTable, openCounter, system } from '../support/counter.ts';
import { connect, useDatabase } from '../support/database.ts';
import { databaseUrl } from '../support/database-url.ts';
import { useEngine } from '../support/engine.ts';

const connections = { writer: 1, projector: 1, reader: 1 };

describe('each part', () => {
  const database = useDatabase({ tables: [countersTable], per: 'file' });
  const openEngine = useEngine(database, [counterDomain]);
  let parts: AfterwriteDatabase;

  beforeEach(async () => {
    const { log, database: opened } = await openEngine();
    await log.append([anAppend()]);
    parts = opened;
  });

  const answerTo = async (part: PoolRole, statement: string) => {
    try {
      await parts[part].db.execute(sql.raw(statement));
      return 'done';
    } catch (error) {
      return rootOf(error).message;
    }
  };

  it.each<PoolRole>(['writer', 'projector', 'reader'])('of the application has its own role: %s', async (part) => {
    const [row] = await parts[part].db.execute<{ role: string; name: string }>(
      sql`select current_user as role, current_setting('application_name') as name`,
    );
    expect(row).toEqual({ role: `afterwrite_${part}`, name: `afterwrite ${part}` });
  });

  it.each<[PoolRole, string]>([
    ['writer', 'select 1 from es.events'],
    ['writer', 'select epoch from es.store'],
    ['projector', 'select 1 from es.events'],
    ['projector', 'select 1 from read.counters'],
    ['projector', 'delete from read.counters'],
    ['reader', 'select 1 from read.counters'],
    ['reader', 'select position from read.checkpoints'],
  ])('may do its work: the %s may %s', async (part, statement) => {
    expect(await answerTo(part, statement)).toBe('done');
  });

  it.each<[PoolRole, string, string]>([
    ['writer', 'select 1 from read.counters', 'permission denied for schema read'],
    ['writer', 'select 1 from read.checkpoints', 'permission denied for schema read'],
    ['writer', 'update es.store set epoch = gen_random_uuid()', 'permission denied for table store'],
    ['reader', 'select 1 from es.events', 'permission denied for schema es'],
    ['reader', 'select 1 from es.streams', 'permission denied for schema es'],
    ['reader', 'delete from read.counters', 'permission denied for table counters'],
    ['reader', 'update read.checkpoints set position = 0', 'permission denied for table checkpoints'],
    ['projector', "select * from es.append('[]')", 'permission denied for table streams'],
    ['projector', 'insert into es.events select * from es.events', 'permission denied for table events'],
    ['projector', 'select 1 from es.snapshots', 'permission denied for table snapshots'],
    ['writer', 'create table es.other (id int)', 'permission denied for schema es'],
    ['projector', 'drop table read.counters', 'must be owner of table counters'],
  ])('may do nothing else: the %s may not %s', async (part, statement, message) => {
    expect(await answerTo(part, statement)).toBe(message);
  });

  it.each([
    'update es.events set data = data',
    'delete from es.events',
    'truncate es.events',
    'update es.events set data = data where false',
    'merge into es.events e using es.store s on false when matched then delete when not matched then do nothing',
  ])('of nobody may change the log: %s', async (statement) => {
    const refused = 'es.events is append-only';
    const [word] = statement.split(' ');
    for (const part of ['writer', 'projector', 'reader'] as const) {
      expect(await answerTo(part, statement)).toMatch(/^permission denied for (table events|schema es)|append-only/);
    }
    // Not even the owner, and not in the mode in which replication switches triggers off.
    for (const mode of ['origin', 'replica']) {
      const change = database.sql.begin(async (tx) => {
        await tx.unsafe(`set local session_replication_role = ${mode}`);
        await tx.unsafe(statement);
      });
      await expect(change, `${word} in mode ${mode}`).rejects.toThrow(refused);
    }
    expect([...(await database.sql`select count(*) > 0 as kept from es.events`)]).toEqual([{ kept: true }]);
  });
});

describe('a server that has no roles yet', () => {
  let dataDir: string;
  let server: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
  let admin: postgres.Sql;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'afterwrite-roles-'));
    server = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off', shared_buffers: '16MB' } });
    admin = connect(server.url);
  });
  afterAll(async () => {
    await admin.end({ timeout: 1 });
    await server.release();
    await rm(dataDir, { recursive: true, force: true });
  });

  const open: AfterwriteDatabase[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((database) => database.close(1000)));
  });

  /** A database whose owner may do what she likes in it, and nothing beside it. */
  async function databaseOfPlainUser(): Promise<string> {
    const name = `plain_${randomUUID().slice(0, 8)}`;
    await admin.unsafe(`create role ${name} login password 'plain'`);
    await admin.unsafe(`create database ${name} owner ${name}`);
    return Object.assign(new URL(databaseUrl(server.url, name)), { username: name, password: 'plain' }).href;
  }

  async function worksWithout(url: string) {
    const notices: string[] = [];
    const database = await openDatabase({ url, connections, onNotice: (line) => notices.push(line) });
    open.push(database);
    const faults: unknown[] = [];
    const engine = createEngine({
      database,
      domains: [{ ...counterDomain, projections: [] }],
      onError: (error) => faults.push(error),
    });
    receiptOf(await engine.bus.execute(openCounter, { label: 'a' }, system));
    await engine.drain();
    await engine.stop();
    expect(faults).toEqual([]);
    return notices;
  }

  it('and a user who may not make them: one clear notice, and all goes on without', async () => {
    const notices = await worksWithout(await databaseOfPlainUser());
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/^The database's user may not create roles \(permission denied to create role\)/);
    expect(notices[0]).not.toContain('\n');
  });

  it('gets them from several migrations of several databases at once, by a user who may make roles', async () => {
    const names = ['one', 'two', 'three', 'four', 'five', 'six'];
    await admin.unsafe(`create role maker login createrole password 'plain'`);
    for (const name of names) await admin.unsafe(`create database ${name} owner maker`);
    const notices: string[] = [];
    const migrated = await Promise.all(
      names.map((name) => {
        const url = Object.assign(new URL(databaseUrl(server.url, name)), { username: 'maker', password: 'plain' });
        return migrateDatabase(url.href, (line) => notices.push(line));
      }),
    );
    expect(new Set(migrated.map(({ roles }) => roles.writer))).toEqual(new Set(['afterwrite_writer']));
    expect(notices).toEqual([]);
  });

  it('and then has them, which a user who may not take them is told of', async () => {
    await migrateDatabase(server.url, () => {});
    const notices = await worksWithout(await databaseOfPlainUser());
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain('permission denied to grant role');
  });

  it('and then has them, which a user who was given them takes', async () => {
    await migrateDatabase(server.url, () => {});
    const url = await databaseOfPlainUser();
    const { username } = new URL(url);
    await admin.unsafe(`grant afterwrite_writer, afterwrite_projector, afterwrite_reader to ${username}`);
    expect(await worksWithout(url)).toEqual([]);
  });
});
