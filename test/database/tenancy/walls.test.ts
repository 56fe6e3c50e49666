import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/database/database.ts';
import { openSharedDatabase } from '../../../src/database/tenancy/shared-database.ts';
import { anAppend, receiptOf } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable, openCounter, system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useTenants } from '../../support/kernel/tenants.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { roleOf } from '../../support/postgres/roles.ts';
import { until } from '../../support/until.ts';

const database = useDatabase();
const openTenants = useTenants(database, [counterDomain]);
const openEngine = useEngine(database, [counterDomain]);

const connections = { writer: 1, projector: 1, reader: 1 };
/** Tables that say nothing about any tenant. */
const OF_ALL = ['es.store', 'es.tenants', 'read.read_models'];
const PARTS = ['reader', 'writer', 'projector', 'owner'] as const;

/** Two tenants who each have a counter, read by now. */
async function twoTenants() {
  const tenants = await openTenants();
  const engines = [await tenants.engine('acme'), await tenants.engine('umbrella')] as const;
  for (const engine of engines) {
    const { position } = receiptOf(await engine.bus.execute(openCounter, { label: 'a' }, system));
    expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
  }
  return { ...tenants, engines };
}

describe('a table of a store that tenants share', () => {
  it('has a column for the tenant, which its keys begin with, and a policy that confines its owner too', async () => {
    await twoTenants();
    const tables = await database.sql<
      { name: string; column: boolean; forced: boolean; policies: number; keys: string[] }[]
    >`
      select format('%s.%s', n.nspname, c.relname) as name, relforcerowsecurity and relrowsecurity as forced,
             exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant' and attnotnull) as column,
             (select count(*)::int from pg_policy where polrelid = c.oid) as policies,
             (select array_agg(distinct a.attname::text) from pg_index x join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[0]
              where x.indrelid = c.oid and x.indisunique) as keys
      from pg_class c join pg_namespace n on n.oid = relnamespace where nspname in ('es', 'read') and relkind in ('r', 'p') order by 1`;
    const ofTenants = tables.filter(({ name }) => !OF_ALL.includes(name));
    expect(ofTenants.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['es.events', 'es.snapshots', 'es.receipts', 'read.checkpoints', 'read.counters_v1']),
    );
    for (const { name, ...table } of ofTenants) {
      // Batches go through their table without staying there.
      const keys = name === 'es.batches' ? null : ['tenant'];
      expect({ name, ...table }).toEqual({ name, column: true, forced: true, policies: 1, keys });
    }
  });

  it.each(PARTS)('shows nothing to the %s without a tenant, and everything of one tenant with it', async (part) => {
    await twoTenants();
    const role = await roleOf(database.sql, part);
    const table = part === 'writer' ? 'es.events' : 'read.counters_v1';
    const counted = (tenant: string | undefined) =>
      database.sql.begin(async (tx) => {
        await tx.unsafe(`set local role ${role}`);
        if (tenant !== undefined) await tx`select set_config('afterwrite.tenant', ${tenant}, true)`;
        return await tx.unsafe(`select distinct tenant from ${table}`);
      });
    expect(await counted(undefined)).toEqual([]);
    expect(await counted('')).toEqual([]);
    expect(await counted('nobody')).toEqual([]);
    expect(await counted('acme')).toEqual([{ tenant: 'acme' }]);
  });

  it('takes no row without a tenant, nor one of another tenant, from anybody', async () => {
    await twoTenants();
    for (const part of ['projector', 'owner'] as const) {
      const role = await roleOf(database.sql, part);
      const insert = (tenant: string | undefined, column: string) =>
        database.sql.begin(async (tx) => {
          await tx.unsafe(`set local role ${role}`);
          if (tenant !== undefined) await tx`select set_config('afterwrite.tenant', ${tenant}, true)`;
          await tx.unsafe(`insert into read.checkpoints (projection, kind, consumer, version${column === '' ? '' : ', tenant'})
            values ('x', 'projection', 'x', 1${column})`);
        });
      await expect(insert(undefined, '')).rejects.toMatchObject({ code: '42501' });
      await expect(insert('acme', ", 'umbrella'")).rejects.toMatchObject({ code: '42501' });
      await expect(insert(undefined, ", 'umbrella'")).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('returns nothing of others to a query that forgot to say whose rows it wants', async () => {
    const { engines } = await twoTenants();
    for (const { database } of engines) {
      const rows = await database.reader.db.execute<{ tenant: string }>(sql`select tenant from read.counters_v1`);
      expect(rows.map(({ tenant }) => tenant)).toEqual([database.tenant]);
      expect(await database.reader.db.select().from(countersTable)).toHaveLength(1);
      await database.projector.db.execute(sql`delete from read.counters_v1 where label = 'nothing'`);
      await database.projector.db.transaction(async (tx) => {
        expect(await tx.execute(sql`update read.counters_v1 set value = 7 returning tenant`)).toEqual([
          { tenant: database.tenant },
        ]);
      });
    }
  });

  it('is found by its keys, not by looking through the rows of others', async () => {
    const { engines } = await twoTenants();
    const { db } = engines[0].database.projector;
    const plan = await db.execute<{ 'QUERY PLAN': string }>(sql`
      explain select * from read.counters_v1 t where id = ${'0198a0c0-0000-7000-8000-000000000001'}::uuid`);
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Index Cond: .*tenant = current_setting/);
    expect(text).toMatch(/Index Cond: .*id = /);
  });
});

describe('a view of a store that tenants share', () => {
  it('shows the rows of one tenant, although a superuser made it', async () => {
    await twoTenants();
    await database.sql`create view read.sales as select tenant, label from read.counters_v1`;
    await (await openSharedDatabase({ url: database.url, connections })).close();
    const role = await roleOf(database.sql, 'reader');
    const tenants = await database.sql.begin(async (tx) => {
      await tx.unsafe(`set local role ${role}`);
      await tx`select set_config('afterwrite.tenant', 'acme', true)`;
      return await tx`select tenant from read.sales`;
    });
    expect(tenants).toEqual([{ tenant: 'acme' }]);
  });

  it('is refused if it is materialized, because it would keep rows of all tenants', async () => {
    await twoTenants();
    await database.sql`create materialized view read.sales as select tenant, label from read.counters_v1`;
    await expect(openSharedDatabase({ url: database.url, connections })).rejects.toMatchObject({
      code: 'TENANCY_MISMATCH',
      message: expect.stringContaining('read.sales'),
    });
  });
});

describe('a log of a store that tenants share', () => {
  it('has a lock of its own: appends of one tenant do not wait for those of another', async () => {
    const { engines } = await twoTenants();
    const [acme, umbrella] = engines;
    const release = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const appending = acme.database.writer.db.transaction(async (tx) => {
      const id = '0198a0c0-0000-7000-8000-000000000009';
      const batch = [{ t: 'Counter', i: id, v: 0, c: id, f: id, m: {}, r: id, e: [] }];
      await tx.execute(sql`select * from es.append(${JSON.stringify(batch)}::text::jsonb)`);
      locked.resolve();
      await release.promise;
    });
    await locked.promise;
    expect(receiptOf(await umbrella.bus.execute(openCounter, { label: 'b' }, system)).position).toBe(2);
    const own = acme.bus.execute(openCounter, { label: 'b' }, system);
    await until(
      async () => (await database.sql`select from pg_locks where locktype = 'advisory' and not granted`).length === 1,
    );
    release.resolve();
    await appending;
    expect(receiptOf(await own).position).toBe(2);
  });

  it('has a chain of hashes of its own over contents that name the tenant, also of batches', async () => {
    const { engines } = await twoTenants();
    const role = await roleOf(database.sql, 'owner');
    for (const { log, database: own } of engines) {
      await log.append([anAppend(), anAppend(), anAppend()]);
      const events = await database.sql.begin(async (tx) => {
        await tx.unsafe(`set local role ${role}`);
        await tx`select set_config('afterwrite.tenant', ${own.tenant ?? ''}, true)`;
        return await tx<{ content: string; right: boolean }[]>`
          select es.event_content(e) as content, hash = es.chained(es.hash_at(position - 1), es.event_leaf(e)) as right
          from es.events e order by position`;
      });
      expect(events.map(({ right }) => right)).toEqual([true, true, true, true]);
      expect(events.map(({ content }) => JSON.parse(content).tenant)).toEqual(events.map(() => own.tenant));
    }
  });

  it('stays so after functions of the log were made again by a migration', async () => {
    await twoTenants();
    const functions = () => database.sql`
      select proname, md5(pg_get_functiondef(oid)) as hash from pg_proc where pronamespace = 'es'::regnamespace and prokind = 'f' order by 1`;
    const before = await functions();
    const [plain] = await database.sql<
      { definition: string }[]
    >`select replace(pg_get_functiondef('es.append_one'::regproc),
      ${", hashtext(current_setting('afterwrite.tenant'))"}, '') as definition`;
    await database.sql.unsafe(plain?.definition ?? '');
    expect(await functions()).not.toEqual(before);
    await (await openSharedDatabase({ url: database.url, connections })).close();
    expect(await functions()).toEqual(before);
  });
});

describe('a database', () => {
  it('without events becomes one that tenants share, with nothing of what was there before', async () => {
    const plain = await openEngine({ start: true });
    await plain.close();
    const tenants = await openTenants();
    const engine = await tenants.engine('acme');
    const { position } = receiptOf(await engine.bus.execute(openCounter, { label: 'a' }, system));
    expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    expect(await tenants.shared.tenants()).toEqual(['acme']);
  });

  it('without tenants has no column, no policy and no function for them, so that they cost nothing', async () => {
    await openEngine({ start: true });
    const { sql } = database;
    expect(
      await sql`select attrelid::regclass::text from pg_attribute join pg_class c on c.oid = attrelid
                where relnamespace in ('es'::regnamespace, 'read'::regnamespace) and attname = 'tenant' and attrelid <> 'es.store'::regclass`,
    ).toEqual([]);
    expect(await sql`select from pg_policy`).toEqual([]);
    expect(await sql`select relname from pg_class where relrowsecurity or relforcerowsecurity`).toEqual([]);
    expect(await sql`select proname from pg_proc where prosrc like '%afterwrite.tenant%'`).toEqual([]);
  });

  it('with events of nobody is not shared', async () => {
    const plain = await openEngine({ start: true });
    await plain.bus.execute(openCounter, { label: 'a' }, system);
    await plain.close();
    await expect(openSharedDatabase({ url: database.url, connections })).rejects.toMatchObject({
      code: 'TENANCY_MISMATCH',
    });
    // Nothing was changed.
    const again = await openEngine({ start: true });
    expect((await again.log.head()).position).toBe(1);
  });

  it('that tenants share is not opened without tenants', async () => {
    await twoTenants();
    await expect(openDatabase({ url: database.url, connections })).rejects.toMatchObject({ code: 'TENANCY_MISMATCH' });
  });

  it('that tenants share is not claimed by one of them', async () => {
    await (await openSharedDatabase({ url: database.url, connections })).close();
    await expect(openDatabase({ url: database.url, connections, tenant: 'acme' })).rejects.toMatchObject({
      code: 'TENANCY_MISMATCH',
    });
    expect(await database.sql`select tenant from es.store`).toEqual([{ tenant: null }]);
    await (await openSharedDatabase({ url: database.url, connections })).close();
  });

  it('whose users are not confined by policies is not shared', async () => {
    const shared = await openSharedDatabase({ url: database.url, connections });
    await shared.close();
    const role = await roleOf(database.sql, 'reader');
    await database.sql.unsafe(`alter role ${role} bypassrls`);
    await expect(openSharedDatabase({ url: database.url, connections })).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
    });
    await database.sql.unsafe(`alter role ${role} nobypassrls`);
  });
});
