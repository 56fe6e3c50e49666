import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Pool } from '../../src/database/client.ts';
import { openDatabase } from '../../src/database/database.ts';
import { migrateDatabase } from '../../src/database/migrations/migrate.ts';
import { SESSION_SETTINGS } from '../../src/database/session.ts';
import { beginRebuild } from '../../src/kernel/read/rebuild/begin-rebuild.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import {
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../support/kernel/counter.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { onServer, useDatabase } from '../support/postgres/database.ts';
import { until } from '../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const openEngine = useEngine(database, [counterDomain]);

/** Settings that administrators set for databases, and settings that change results if nobody resets them. */
const HOSTILE: Readonly<Record<string, string>> = {
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Kolkata',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  xmlbinary: 'hex',
  xmloption: 'document',
  standard_conforming_strings: 'off',
  backslash_quote: 'on',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  search_path: 'hostile, pg_catalog',
  row_security: 'off',
  gin_fuzzy_search_limit: '1',
  default_transaction_isolation: 'repeatable read',
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  synchronous_commit: 'off',
  statement_timeout: '1',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '1',
  idle_session_timeout: '1',
  jit: 'on',
  plan_cache_mode: 'force_custom_plan',
  client_min_messages: 'debug5',
  exit_on_error: 'on',
};

/** These have one value only that is fit for a text protocol of UTF8, or none that every system has. */
const CANNOT_BE_TURNED = ['client_encoding', 'lc_monetary', 'lc_numeric', 'lc_time'];

async function makeHostile(url: string, sqlOf: typeof database.sql): Promise<void> {
  const { pathname } = new URL(url);
  const [version] = await sqlOf<{ num: number }[]>`select current_setting('server_version_num')::int as num`;
  const settings = { ...HOSTILE, ...((version?.num ?? 0) >= 170000 ? { transaction_timeout: '200' } : {}) };
  for (const [name, value] of Object.entries(settings)) {
    const list = name === 'search_path' ? value : `'${value}'`;
    await sqlOf.unsafe(`alter database ${pathname.slice(1)} set ${name} = ${list}`);
  }
  // A name in front of the system's own, if the path is not set.
  await sqlOf.unsafe(`create schema hostile;
    create function hostile.now() returns timestamptz language sql as $$ select timestamptz '1999-12-31' $$;`);
}

describe('a database with hostile settings of its own', () => {
  it('names every setting that sessions set', () => {
    expect([...Object.keys(HOSTILE), ...CANNOT_BE_TURNED].toSorted()).toEqual(Object.keys(SESSION_SETTINGS).toSorted());
  });

  it('is migrated, appended to, projected, queried and rebuilt as any other', async () => {
    await makeHostile(database.url, database.sql);
    const engine = await openEngine({ start: true });
    const label = "O'Neil \\ ünder";
    const opened = receiptOf(await engine.bus.execute(openCounter, { label }, system));
    const id = opened.aggregateId;
    const added = receiptOf(await engine.bus.execute(incrementCounter, { counterId: id, by: 3 }, system));
    expect(await engine.projector.positions.reached('counters', added.position, { timeoutMs: 30_000 })).toBe(true);
    const oid = async () => (await database.sql`select 'read.counters_v1'::regclass::oid::int as oid`)[0]?.oid;
    const before = await oid();
    await beginRebuild(engine.database.owner.db, counters);
    await until(async () => (await oid()) !== before);
    const rows = await engine.database.reader.db.execute(sql`select id, label, value from read.counters_v1`);
    expect([...rows]).toEqual([{ id, label, value: 3 }]);
    const [event] = await engine.log.read(0, 1);
    const age = Date.now() - (event?.recordedAt.getTime() ?? 0);
    expect(Math.abs(age)).toBeLessThan(24 * 60 * 60_000);
    expect(engine.faults).toEqual([]);
  });
});

describe('every connection', () => {
  /** Settings that a pool has of its own. */
  const OWN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    projector: { synchronous_commit: 'off', idle_in_transaction_session_timeout: '2000' },
    leases: { synchronous_commit: 'off', idle_in_transaction_session_timeout: '2000' },
    reader: { default_transaction_read_only: 'on' },
    watch: { statement_timeout: '3000' },
    rebuild: { synchronous_commit: 'off', idle_in_transaction_session_timeout: '2000' },
    swap: { idle_in_transaction_session_timeout: '5000' },
  };

  const settingsOf = async ({ db }: Pool) => {
    const rows = await db.execute<{ name: string; setting: string }>(sql`select name, setting from pg_settings`);
    const all = new Map(rows.map(({ name, setting }) => [name, setting]));
    return Object.fromEntries(
      [...Object.keys(SESSION_SETTINGS), 'transaction_timeout'].map((name) => [name, all.get(name)]),
    );
  };

  it('has the settings that the project needs, whatever the database says', async () => {
    await makeHostile(database.url, database.sql);
    const opened = await openDatabase({
      url: database.url,
      connections: { writer: 1, projector: 1, reader: 1 },
    });
    onTestFinished(() => opened.close(1000));
    const { writer, projector, reader, leases, owner, watch } = opened;
    const aside = opened.openDedicated();
    onTestFinished(async () => void (await Promise.all([aside.projector.close(), aside.owner.close()])));
    const pools = { writer, projector, reader, leases, owner, watch, rebuild: aside.projector, swap: aside.owner };
    const [version] = await database.sql<{ num: number }[]>`select current_setting('server_version_num')::int as num`;
    const timeout = (version?.num ?? 0) >= 170000 ? '0' : undefined;
    for (const [name, pool] of Object.entries(pools)) {
      const wanted = { ...SESSION_SETTINGS, ...OWN[name], transaction_timeout: timeout };
      expect(await settingsOf(pool), name).toEqual(wanted);
    }
  });

  it('is made in one place', () => {
    const src = join(import.meta.dirname, '../../src');
    const makers = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
      (file) =>
        file.endsWith('.ts') && /^import postgres\b.*from 'postgres'/m.test(readFileSync(join(src, file), 'utf8')),
    );
    // One of the driver's faults is told by the class of its errors.
    expect(makers.toSorted()).toEqual(['database/driver/replayed-errors.ts', 'database/session.ts']);
  });
});

describe('a database that cannot be used', () => {
  it.each(['LATIN1', 'SQL_ASCII'])('is refused at the start with its encoding and what to do: %s', async (encoding) => {
    const { sql: admin } = database;
    const name = `other_${encoding.toLowerCase()}_${randomUUID().slice(0, 8)}`;
    await admin.unsafe(
      `create database ${name} encoding '${encoding}' locale 'C' locale_provider libc template template0`,
    );
    onTestFinished(() => onServer((server) => server`drop database ${server(name)} with (force)`));
    const url = Object.assign(new URL(database.url), { pathname: `/${name}` }).href;
    await expect(migrateDatabase(url)).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
      message: expect.stringContaining(`encoding is ${encoding}`),
    });
  });

  it('is refused with the setting that only a superuser can take back', async () => {
    const { pathname } = new URL(database.url);
    await database.sql.unsafe(`alter database ${pathname.slice(1)} set session_replication_role = 'replica'`);
    await expect(migrateDatabase(database.url)).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
      message: expect.stringContaining('session_replication_role'),
    });
  });
});
