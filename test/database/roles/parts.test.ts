import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { PoolRole } from '../../../src/database/client.ts';
import { type AfterwriteDatabase, openDatabase } from '../../../src/database/database.ts';
import { startEmbeddedPostgres } from '../../../src/database/embedded/server.ts';
import { rootOf } from '../../../src/database/errors.ts';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import type { RoleOptions } from '../../../src/database/roles/ensure-roles.ts';
import { createEngine } from '../../../src/kernel/engine.ts';
import type { EngineOccurrences } from '../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { urlOfDatabase } from '../../../src/testing/postgres/databases.ts';
import { anAppend, receiptOf } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable, openCounter, system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { connect, useDatabase } from '../../support/postgres/database.ts';
import { noticesTo } from '../../support/postgres/notices.ts';
import { roleOf } from '../../support/postgres/roles.ts';

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
    expect(row).toEqual({ role: await roleOf(database.sql, part), name: `afterwrite ${part}` });
  });

  it.each<[PoolRole, string]>([
    ['writer', 'select 1 from es.events'],
    ['writer', 'select epoch from es.store'],
    ['projector', 'select 1 from es.events'],
    ['projector', 'select 1 from read.counters_v1'],
    ['projector', 'delete from read.counters_v1'],
    ['reader', 'select 1 from read.counters_v1'],
    ['reader', 'select position from read.checkpoints'],
  ])('may do its work: the %s may %s', async (part, statement) => {
    expect(await answerTo(part, statement)).toBe('done');
  });

  it.each<[PoolRole, string, string]>([
    ['writer', 'select 1 from read.counters_v1', 'permission denied for schema read'],
    ['writer', 'select 1 from read.checkpoints', 'permission denied for schema read'],
    ['writer', 'update es.store set epoch = gen_random_uuid()', 'permission denied for table store'],
    ['reader', 'select 1 from es.events', 'permission denied for schema es'],
    ['reader', 'select 1 from es.streams', 'permission denied for schema es'],
    ['reader', 'delete from read.counters_v1', 'cannot execute DELETE in a read-only transaction'],
    ['reader', 'update read.checkpoints set position = 0', 'cannot execute UPDATE in a read-only transaction'],
    ['projector', "select * from es.append('[]')", 'permission denied for function append'],
    ['writer', 'insert into es.events select * from es.events', 'permission denied for table events'],
    ['writer', 'update es.streams set version = 7', 'permission denied for table streams'],
    ['projector', 'insert into es.events select * from es.events', 'permission denied for table events'],
    ['projector', 'select 1 from es.snapshots', 'permission denied for table snapshots'],
    ['writer', 'create table es.other (id int)', 'permission denied for schema es'],
    ['projector', 'drop table read.counters_v1', 'must be owner of table counters_v1'],
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
      expect(await answerTo(part, statement)).toMatch(
        /^permission denied for (table events|schema es)|append-only|read-only transaction/,
      );
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

  /** A database whose owner may do anything in it, and nothing outside it. */
  async function databaseOfPlainUser(): Promise<string> {
    const name = `plain_${randomUUID().slice(0, 8)}`;
    await admin.unsafe(`create role ${name} login password 'plain'`);
    await admin.unsafe(`create database ${name} owner ${name}`);
    return Object.assign(new URL(urlOfDatabase(server.url, name)), { username: name, password: 'plain' }).href;
  }

  async function worksWithout(url: string, roles?: RoleOptions) {
    const notices: string[] = [];
    const database = await openDatabase({ url, connections, roles, observer: noticesTo(notices) });
    open.push(database);
    const faults: unknown[] = [];
    const engine = createEngine({
      database,
      domains: [{ ...counterDomain, projections: [] }],
      observer: new Observer<EngineOccurrences>([{ faultMet: ({ error }) => faults.push(error) }]),
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
        const url = Object.assign(new URL(urlOfDatabase(server.url, name)), { username: 'maker', password: 'plain' });
        return migrateDatabase(url.href, { observer: noticesTo(notices) });
      }),
    );
    const writers = migrated.map(({ roles }) => roles.writer.login?.user);
    expect(new Set(writers).size).toBe(names.length);
    expect(writers.every((name) => /^afterwrite_writer_\d+$/.test(name ?? ''))).toBe(true);
    expect(notices).toEqual([]);
  });

  it('and shared roles that a user was given: they are taken, which does not contain, and that is said', async () => {
    await admin.unsafe(
      'create role afterwrite_writer; create role afterwrite_projector; create role afterwrite_reader',
    );
    const url = await databaseOfPlainUser();
    const { username } = new URL(url);
    await admin.unsafe(`grant afterwrite_writer, afterwrite_projector, afterwrite_reader to ${username}`);
    const notices = await worksWithout(url);
    expect(notices).toEqual([expect.stringContaining('which they could leave')]);
    const [row] = (await open.at(-1)?.writer.db.execute(sql`select current_user as user, session_user as begun`)) ?? [];
    expect(row).toEqual({ user: 'afterwrite_writer', begun: username });
  });

  it('and users that an administrator has made for the parts: they log in, and get their rights', async () => {
    const url = await databaseOfPlainUser();
    const { username } = new URL(url);
    const urls = { writer: '', projector: '', reader: '' };
    for (const part of ['writer', 'projector', 'reader'] as const) {
      const name = `${username}_${part}`;
      await admin.unsafe(`create role ${name} login password 'p@ss ${part}'`);
      urls[part] = Object.assign(new URL(url), { username: name, password: `p@ss ${part}` }).href;
    }
    expect(await worksWithout(url, { urls })).toEqual([]);
    const [row] = (await open.at(-1)?.writer.db.execute(sql`select session_user as begun`)) ?? [];
    expect(row).toEqual({ begun: `${username}_writer` });
    await expect(openDatabase({ url, connections, roles: { urls: { writer: url } } })).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
    });
  });

  it('and a password that is changed: the next start logs in with another one, and so does a second server', async () => {
    const name = `changed_${randomUUID().slice(0, 8)}`;
    await admin.unsafe(`create role ${name} login createrole password 'before'`);
    await admin.unsafe(`create database ${name} owner ${name}`);
    const urlWith = (password: string) =>
      Object.assign(new URL(urlOfDatabase(server.url, name)), { username: name, password }).href;
    const whoWrites = async (password: string) => {
      const notices: string[] = [];
      const opened = await openDatabase({
        url: urlWith(password),
        connections,
        observer: noticesTo(notices),
      });
      open.push(opened);
      const [row] = await opened.writer.db.execute<{ user: string }>(sql`select session_user as user`);
      expect(notices).toEqual([]);
      return row?.user;
    };
    const first = await whoWrites('before');
    expect(first).toMatch(/^afterwrite_writer_\d+$/);
    expect(await whoWrites('before')).toBe(first);
    await admin.unsafe(`alter role ${name} password 'after'`);
    expect(await whoWrites('after')).toBe(first);
  });

  it('and what a role has set for itself does not outlast the next start', async () => {
    const { roles } = await migrateDatabase(server.url);
    const name = roles.reader.login?.user ?? '';
    await admin.unsafe(`alter role ${name} set default_transaction_read_only = off`);
    await migrateDatabase(server.url);
    expect([...(await admin`select setconfig from pg_db_role_setting where setrole = ${name}::regrole`)]).toEqual([]);
  });

  it('and a role that somebody has made mighty is refused by its name', async () => {
    const { roles } = await migrateDatabase(server.url);
    const name = roles.writer.login?.user ?? '';
    await admin.unsafe(`alter role ${name} createdb`);
    onTestFinished(async () => void (await admin.unsafe(`alter role ${name} nocreatedb`)));
    await expect(migrateDatabase(server.url)).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
      message: expect.stringContaining(name),
    });
  });

  it('and a copy of a database: the roles of the first have no rights in the copy', async () => {
    const first = `first_${randomUUID().slice(0, 8)}`;
    await admin.unsafe(`create database ${first}`);
    const { roles } = await migrateDatabase(urlOfDatabase(server.url, first));
    await admin.unsafe(`create database ${first}_copy template ${first}`);
    const copy = urlOfDatabase(server.url, `${first}_copy`);
    const ofCopy = await migrateDatabase(copy);
    expect(ofCopy.roles.writer.login?.user).not.toBe(roles.writer.login?.user);
    const sqlOfCopy = connect(copy);
    const [row] =
      await sqlOfCopy`select has_table_privilege(${roles.writer.login?.user ?? ''}, 'es.events', 'select') as reads,
      has_function_privilege(${roles.writer.login?.user ?? ''}, 'es.append(jsonb,text[])', 'execute') as appends`;
    await sqlOfCopy.end({ timeout: 1 });
    expect(row).toEqual({ reads: false, appends: false });
  });
});
