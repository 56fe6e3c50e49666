import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import { StoredChain } from '../../../src/kernel/audit/stored-chain.ts';
import { anAppend, incremented } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { connect, createDatabase, useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openEngine = useEngine(database, [counterDomain]);

const sha256 = (...parts: readonly (Buffer | string)[]) =>
  parts.reduce<ReturnType<typeof createHash>>((hash, part) => hash.update(part), createHash('sha256')).digest();
const LEAF = Buffer.of(0);
const LINK = Buffer.of(2);
const hex = (bytes: Buffer | null) => bytes?.toString('hex');

type Sql = ReturnType<typeof connect> | typeof database.sql;

interface StoredEvent {
  readonly position: number;
  readonly hash: Buffer | null;
  readonly known: Buffer;
  readonly content: string;
}

/** Every event with its hash, as the row has it and as `es.hash_at` gives it. */
async function stored(sql: Sql = database.sql): Promise<StoredEvent[]> {
  return [
    ...(await sql<StoredEvent[]>`
      select position::int, hash, es.hash_at(position) as known, es.event_content(e) as content from es.events e order by position`),
  ];
}

/** The hashes that the log must have, computed without the database. */
async function expectedHashes(
  events: readonly StoredEvent[],
  sql: Sql = database.sql,
): Promise<(string | undefined)[]> {
  const [chain] = await sql<{ origin: string }[]>`select origin from es.chain`;
  let hash = sha256(`afterwrite log ${chain?.origin}`);
  return events.map(({ content }) => {
    hash = sha256(LINK, hash, sha256(LEAF, content));
    return hex(hash);
  });
}

/** Appends in every way that there is: one event, a whole batch, and a batch that Postgres judges append by append. */
async function written(): Promise<TestEngine> {
  const engine = await openEngine();
  const streamId = randomUUID();
  await engine.log.append([anAppend({ streamId })]);
  await engine.log.append([
    anAppend({ streamId, expectedVersion: 1 }),
    anAppend({ events: [incremented(), incremented(2)] }),
  ]);
  await engine.log.append([
    anAppend({ streamId, expectedVersion: 9 }),
    anAppend({ occurredAt: new Date(0) }),
    anAppend(),
  ]);
  return engine;
}

/** Inserts a copy of the first event past the functions. */
const insertAt = (position: number, hash: Buffer | null = null) => database.sql`
  insert into es.events select ${position}::bigint, stream_type, ${randomUUID()}, 1, type, schema_version, data, metadata,
    ${randomUUID()}, null, ${randomUUID()}, occurred_at, recorded_at, ${hash} from es.events where position = 1`;

describe('the chain of hashes', () => {
  it('has a hash for each event over its content and the hash before it, however it was appended', async () => {
    await written();
    const events = await stored();
    expect(events.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(events.map(({ hash }) => hex(hash))).toEqual(await expectedHashes(events));
    expect(events.map(({ known }) => hex(known))).toEqual(await expectedHashes(events));
  });

  it('hashes the whole event, as one line of JSON in a fixed order', async () => {
    const engine = await openEngine();
    const append = anAppend({
      events: [{ type: 'CounterIncremented', schemaVersion: 1, data: { z: 'é\n"', by: 1.5 } }],
    });
    await engine.log.append([append]);
    const [event] = await stored();
    const [row] = await database.sql`select event_id, recorded_at from es.events`;
    const time = row?.recorded_at.toISOString().replace(/\.?0+Z$/, 'Z');
    const tenant = engine.database.tenant === undefined ? '' : `"tenant":"${engine.database.tenant}",`;
    expect(event?.content).toBe(
      `{"position":1,${tenant}"streamType":"Counter","streamId":"${append.streamId}","version":1,"type":"CounterIncremented",` +
        '"schemaVersion":1,"data":{"z": "é\\n\\"", "by": 1.5},' +
        '"metadata":{"actor": {"id": "test", "roles": []}, "correlationId": "test"},' +
        `"commandId":"${append.commandId}","commandFingerprint":"${append.fingerprint}","eventId":"${row?.event_id}",` +
        `"occurredAt":"${time}","recordedAt":"${time}"}`,
    );
    expect(JSON.parse(event?.content ?? '')).toMatchObject({ data: { z: 'é\n"', by: 1.5 } });
  });

  it('does not depend on the settings of a session', async () => {
    await written();
    const events = await stored();
    const sql = connect(database.url);
    try {
      await sql.unsafe(`set timezone = 'Pacific/Auckland'; set datestyle = 'German, DMY'; set intervalstyle = 'sql_standard';
        set bytea_output = 'escape'; set extra_float_digits = -15; set search_path = public; set client_encoding = 'UTF8';
        set lc_numeric = 'C'; set xmlbinary = 'hex'`);
      expect((await stored(sql)).map(({ content }) => content)).toEqual(events.map(({ content }) => content));
    } finally {
      await sql.end({ timeout: 1 });
    }
  });

  it('contains whatever is inserted past the functions', async () => {
    await written();
    await insertAt(7);
    const events = await stored();
    expect(events.map(({ hash }) => hex(hash))).toEqual(await expectedHashes(events));
    // And the next append follows it.
    const engine = await openEngine();
    await engine.log.append([anAppend()]);
    expect((await stored()).map(({ hash }) => hex(hash))).toEqual(await expectedHashes(await stored()));
  });

  it('refuses an event that does not follow the one before it, and one with a wrong hash', async () => {
    await written();
    await expect(insertAt(8)).rejects.toMatchObject({
      code: 'AW003',
      message: expect.stringContaining('that at 7 is missing'),
    });
    await expect(insertAt(7, Buffer.alloc(32))).rejects.toMatchObject({
      code: 'AW003',
      message: expect.stringContaining('wrong hash'),
    });
    await expect(insertAt(0)).rejects.toMatchObject({ code: 'AW003' });
  });

  it('is read with the contents that the database hashes', async () => {
    const engine = await written();
    const contents: string[] = [];
    for await (const page of new StoredChain(engine.database.owner.db).pages(0, 1000, AbortSignal.timeout(10_000))) {
      for (const { content } of page) contents.push(content.toString());
    }
    expect(contents).toEqual((await stored()).map(({ content }) => content));
    expect(contents.length).toBeGreaterThan(3);
  });

  it('contains what servers of former releases append', async () => {
    await written();
    const id = () => randomUUID();
    const command = id();
    await database.sql.unsafe('select * from es.append_all($1::jsonb, $2::jsonb, false)', [
      [{ t: 'Counter', i: id(), v: 0, c: command, w: 2 }],
      [1, 2].map((v) => ({
        n: 1,
        v,
        c: command,
        f: v === 2 ? id() : null,
        m: {},
        e: id(),
        y: 'Counted',
        s: 1,
        d: { v },
      })),
    ] as never);
    const events = await stored();
    expect(events).toHaveLength(8);
    expect(events.map(({ hash }) => hex(hash))).toEqual(await expectedHashes(events));
  });

  it('refuses a batch of events that follow nothing', async () => {
    await written();
    const insert = (head: number) => database.sql`
      insert into es.batches (head, recorded_at, stream_types, stream_ids, befores, afters, streams, versions, command_ids,
                              fingerprints, event_ids, types, schema_versions, metadata, data)
      values (${head}, now(), '{Counter}', array[gen_random_uuid()], '{0}', '{1}', '{1}', '{1}', array[gen_random_uuid()],
              array[gen_random_uuid()], array[gen_random_uuid()], '{CounterIncremented}', '{1}', '[{}]', '[{}]')`;
    await expect(insert(7)).rejects.toMatchObject({ code: 'AW003' });
    await expect(insert(2)).rejects.toMatchObject({ code: '23505' });
    // Whoever inserts what does follow, the database computes the hashes, and keeps no row of the batch.
    await insert(6);
    const events = await stored();
    expect(events).toHaveLength(7);
    expect(events.map(({ hash }) => hex(hash))).toEqual(await expectedHashes(events));
    expect([...(await database.sql`select from es.batches`)]).toEqual([]);
  });

  it('takes the hashes of events that are put back', async () => {
    await written();
    const before = await stored();
    await database.sql`create table public.kept as select * from es.events`;
    await database.sql`alter table es.events disable trigger all`;
    await database.sql`delete from es.events where position > 2`;
    await database.sql`alter table es.events enable always trigger events_chained`;
    await database.sql`insert into es.events select * from public.kept where position > 2 order by position`;
    expect(await stored()).toEqual(before);
  });
});

describe('a log that is older than the chain', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  /** A database as the release before the chain left it, with so many events, migrated now. */
  async function formerLog(count: number) {
    const { url, drop } = await createDatabase();
    const sql = connect(url);
    cleanups.push(drop, () => sql.end({ timeout: 1 }));
    await migrateDatabase(url);
    const migration = readFileSync(new URL('../../../drizzle/0032_hash_chain.sql', import.meta.url), 'utf8');
    await sql.unsafe(`drop trigger events_chained on es.events;
      drop function es.event_content, es.event_leaf, es.chained, es.hash_at, es.chain_event, es.chain_former;
      drop table es.chain, es.former_hashes; alter table es.events drop column hash`);
    const insert = (from: number, to: number) => sql`
      insert into es.events select n, 'Counter', md5(n::text)::uuid, 1, 'CounterIncremented', 1, jsonb_build_object('by', n), '{}',
        md5(n::text)::uuid, null, md5(n::text)::uuid, 'epoch', 'epoch' from generate_series(${from}::int, ${to}::int) n`;
    await insert(1, count);
    await sql.unsafe(migration);
    const chainFormer = async (atMost = 1000) => {
      const [row] = await sql<{ left: number | null }[]>`select es.chain_former(${atMost}) as left`;
      return row?.left;
    };
    return { sql, insert, chainFormer, url };
  }

  it.each([0, 1, 999, 1000])('of %i events is chained by the migration', async (count) => {
    const { sql, chainFormer } = await formerLog(count);
    expect(await sql`select former_position, completed_at is not null as done from es.chain`).toEqual([
      { former_position: count, done: true },
    ]);
    expect(await chainFormer()).toBe(0);
    const events = await stored(sql);
    expect(events.map(({ known }) => hex(known))).toEqual(await expectedHashes(events, sql));
  });

  it.each([1001, 2000, 3500])('of %i events is chained step by step while events are appended', async (count) => {
    const { sql, chainFormer, insert } = await formerLog(count);
    await insert(count + 1, count + 3);
    let end = count + 3;
    while ((await chainFormer()) !== 0) {
      await insert(end + 1, end + 7);
      end += 7;
    }
    await insert(end + 1, end + 3);
    const events = await stored(sql);
    expect(events.map(({ known }) => hex(known))).toEqual(await expectedHashes(events, sql));
    // The rows of former events are left alone, and all that came after have their own hash.
    expect(events.filter(({ hash }) => hash === null)).toHaveLength(end);
    expect(await sql`select former_position from es.chain`).toEqual([{ former_position: end }]);
  });

  it('is chained by one session at a time', async () => {
    const { chainFormer, url, sql } = await formerLog(2500);
    const other = connect(url);
    cleanups.push(() => other.end({ timeout: 1 }));
    await sql.begin(async (tx) => {
      await tx`select es.chain_former(1000)`;
      expect(await other`select es.chain_former(1000) as left`).toEqual([{ left: null }]);
    });
    expect(await chainFormer()).toBe(0);
  });

  it('that lacks an event is not chained, and says which', async () => {
    const { chainFormer, sql } = await formerLog(2500);
    await sql.unsafe('alter table es.events disable trigger all; delete from es.events where position = 1700');
    await expect(chainFormer()).rejects.toMatchObject({
      code: 'AW003',
      message: expect.stringContaining('1700 is missing'),
    });
  });
});
