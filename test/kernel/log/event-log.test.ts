import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EventLog } from '../../../src/kernel/log/event-log.ts';
import { anAppend, incremented } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openProxy = useProxy(database);
const openEngine = useEngine(database, [counterDomain]);

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const positions = async () =>
  (await database.sql`select position from es.events order by position`).map((row) => row.position);

describe('positions', () => {
  it('begin at 1 and have no holes', async () => {
    const { log } = await openEngine();
    const [first, second] = await log.append([anAppend({ events: [incremented(), incremented()] }), anAppend()]);
    expect(first).toMatchObject({ outcome: 'accepted', position: 2, version: 2 });
    expect(second).toMatchObject({ outcome: 'accepted', position: 3, version: 1 });
    expect(await positions()).toEqual([1, 2, 3]);
  });

  it('are dense and in commit order under many writers from several pools', async () => {
    const engines = await Promise.all([1, 2, 3].map(() => openEngine({ writers: 4 })));
    const seen: number[] = [];
    let reading = true;
    // A reader that follows the log must never find a position before one that was missing.
    const reader = (async () => {
      while (reading) {
        const events = await engines[0]!.log.read(seen.at(-1) ?? 0, 1000);
        seen.push(...events.map((event) => event.position));
      }
      seen.push(...(await engines[0]!.log.read(seen.at(-1) ?? 0, 10_000)).map((event) => event.position));
    })();
    await Promise.all(
      engines.flatMap(({ log }) =>
        Array.from({ length: 8 }, async () => {
          for (let n = 0; n < 15; n++) await log.append([anAppend(), anAppend({ expectedVersion: 7 }), anAppend()]);
        }),
      ),
    );
    reading = false;
    await reader;
    const expected = Array.from({ length: 3 * 8 * 15 * 2 }, (_, index) => index + 1);
    expect(seen).toEqual(expected);
    expect(await positions()).toEqual(expected);
  });

  it('are dense under writers in processes of their own', async () => {
    const script = `
      import { openAsTenant } from ${JSON.stringify(here('../../support/kernel/as-tenant.ts'))};
      import { EventLog } from ${JSON.stringify(here('../../../src/kernel/log/event-log.ts'))};
      import { anAppend } from ${JSON.stringify(here('../../support/kernel/appends.ts'))};
      const connections = { writer: 3, projector: 1, reader: 1 };
      const database = await openAsTenant({ url: process.argv[1], connections });
      const log = new EventLog(database.writer.db, {});
      const writers = [1, 2, 3].map(async () => { for (let n = 0; n < 40; n++) await log.append([anAppend()]); });
      await Promise.all(writers);
      await database.close();`;
    const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, database.url]);
    await Promise.all([run(), run()]);
    expect(await positions()).toEqual(Array.from({ length: 240 }, (_, index) => index + 1));
  });

  it('are not used up by an append that is refused', async () => {
    const { log } = await openEngine();
    await log.append([anAppend({ expectedVersion: 3 })]);
    await log.append([anAppend({ events: [incremented('\0')] })]).catch(() => undefined);
    const [outcome] = await log.append([anAppend()]);
    expect(outcome).toMatchObject({ position: 1 });
  });
});

describe('a batch', () => {
  it('accepts and refuses each append on its own', async () => {
    const { log } = await openEngine();
    const outcomes = await log.append([
      anAppend(),
      anAppend({ expectedVersion: 1 }),
      anAppend(),
      anAppend({ expectedVersion: null }),
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['accepted', 'conflict', 'accepted', 'accepted']);
    expect(await positions()).toEqual([1, 2, 3]);
  });

  it('takes appends for one stream that build on each other', async () => {
    const { log } = await openEngine();
    const streamId = randomUUID();
    const outcomes = await log.append([
      anAppend({ streamId, expectedVersion: 0, events: [incremented(1), incremented(2)] }),
      anAppend(),
      anAppend({ streamId, expectedVersion: 2, events: [incremented(3)] }),
      anAppend({ streamId, expectedVersion: null, events: [incremented(4)] }),
    ]);
    expect(outcomes).toMatchObject([
      { outcome: 'accepted', version: 2, position: 2 },
      { outcome: 'accepted', version: 1, position: 3 },
      { outcome: 'accepted', version: 3, position: 4 },
      { outcome: 'accepted', version: 4, position: 5 },
    ]);
    const rows =
      await database.sql`select version, (data -> 'by')::int as by from es.events where stream_id = ${streamId} order by position`;
    expect([...rows]).toEqual([1, 2, 3, 4].map((n) => ({ version: n, by: n })));
  });

  it('refuses only the rest of a stream whose chain is broken', async () => {
    const { log } = await openEngine();
    const streamId = randomUUID();
    const outcomes = await log.append([
      anAppend({ streamId, expectedVersion: 0 }),
      anAppend({ streamId, expectedVersion: 5 }),
      anAppend({ streamId, expectedVersion: 6 }),
      anAppend(),
      anAppend({ streamId, expectedVersion: 1 }),
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'accepted',
      'conflict',
      'conflict',
      'accepted',
      'conflict',
    ]);
    expect([...(await database.sql`select version from es.streams where stream_id = ${streamId}`)]).toEqual([
      { version: 1 },
    ]);
  });

  it('keeps the streams of two types that share an id apart', async () => {
    const { database: opened, registry } = await openEngine();
    const idRules = { shared: new Set(['Other']), sharedWith: new Map() };
    const log = new EventLog(opened.writer.db, registry.events, { idRules });
    const streamId = randomUUID();
    const outcomes = await log.append([anAppend({ streamId }), anAppend({ streamId, streamType: 'Other' })]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted']);
  });
});

describe('a command id that was used', () => {
  it('with the same fingerprint answers with the place of the first', async () => {
    const { log } = await openEngine();
    const first = anAppend({ events: [incremented(), incremented()] });
    await log.append([anAppend(), first]);
    const again = await log.append([{ ...first, expectedVersion: 2 }, anAppend()]);
    expect(again).toMatchObject([
      { outcome: 'replayed', position: 3, version: 2, streamId: first.streamId },
      { outcome: 'accepted', position: 4 },
    ]);
    expect(await log.findCommand(first, 'test')).toMatchObject({
      outcome: 'replayed',
      position: 3,
    });
  });

  it('answers with the place of the first even if the repeat is for a new stream', async () => {
    const { log } = await openEngine();
    const first = anAppend();
    await log.append([first]);
    const [again] = await log.append([{ ...first, streamId: randomUUID() }]);
    expect(again).toMatchObject({ outcome: 'replayed', position: 1, streamId: first.streamId });
    expect(await positions()).toEqual([1]);
  });

  it('with another fingerprint is refused', async () => {
    const { log } = await openEngine();
    const first = anAppend();
    await log.append([first]);
    expect(await log.append([anAppend({ commandId: first.commandId })])).toEqual([{ outcome: 'reused' }]);
    expect(await log.findCommand({ ...first, fingerprint: randomUUID() }, 'test')).toEqual({ outcome: 'reused' });
    expect(await log.findCommand({ ...first, commandId: randomUUID() }, 'test')).toBeUndefined();
  });

  it('by two writers at one moment is accepted once', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    for (let round = 0; round < 20; round++) {
      const append = anAppend();
      const outcomes = await Promise.all([one.log.append([append]), two.log.append([append])]);
      expect(outcomes.map(([outcome]) => outcome?.outcome).sort()).toEqual(['accepted', 'replayed']);
    }
    expect(await positions()).toHaveLength(20);
  });
});

describe('time', () => {
  it('of recording never decreases along the log, not even when the clock goes back', async () => {
    const { log } = await openEngine();
    await log.append([anAppend()]);
    // Simulates a clock that was an hour ahead when the last event was recorded.
    await database.sql`insert into es.events
      select 2, stream_type, gen_random_uuid(), 1, type, schema_version, data, metadata, gen_random_uuid(), null,
             gen_random_uuid(), occurred_at, recorded_at + interval '1 hour' from es.events`;
    const [outcome] = await log.append([anAppend()]);
    const events = await log.read(0, 10);
    expect(events[2]?.recordedAt).toEqual(events[1]?.recordedAt);
    expect(outcome?.outcome === 'accepted' && outcome.events[0]?.recordedAt).toEqual(events[2]?.recordedAt);
  });

  it('of business is what the caller says if that is earlier', async () => {
    const { log } = await openEngine();
    const occurredAt = new Date('2020-02-29T12:34:56.789Z');
    const [outcome] = await log.append([anAppend({ occurredAt })]);
    expect(outcome?.outcome === 'accepted' && outcome.events[0]?.occurredAt).toEqual(occurredAt);
    expect((await log.read(0, 1))[0]?.occurredAt).toEqual(occurredAt);
  });

  it('of business is never after the time of recording', async () => {
    const { log } = await openEngine();
    await log.append([anAppend({ occurredAt: new Date(Date.now() + 3_600_000) })]);
    const [event] = await log.read(0, 1);
    expect(event?.occurredAt).toEqual(event?.recordedAt);
  });

  it('of business never decreases in a stream, in one batch or over several', async () => {
    const { log } = await openEngine();
    const streamId = randomUUID();
    const day = (n: number) => new Date(Date.UTC(2020, 0, n));
    await log.append([
      anAppend({ streamId, occurredAt: day(5) }),
      anAppend({ streamId, expectedVersion: 1, occurredAt: day(3) }),
      anAppend({ occurredAt: day(1) }),
    ]);
    await log.append([anAppend({ streamId, expectedVersion: 2, occurredAt: day(4) })]);
    await log.append([anAppend({ streamId, expectedVersion: 3, occurredAt: day(6) })]);
    expect((await log.read(0, 10)).map((event) => event.occurredAt)).toEqual([5, 5, 1, 5, 6].map(day));
  });
});

describe('what is stored', () => {
  it('is JSON objects, not JSON in strings', async () => {
    const { log } = await openEngine();
    await log.append([anAppend()]);
    const rows =
      await database.sql`select jsonb_typeof(data) as data, jsonb_typeof(metadata) as metadata from es.events`;
    expect([...rows]).toEqual([{ data: 'object', metadata: 'object' }]);
  });

  it('is what the appender was told of it', async () => {
    const { log } = await openEngine();
    const metadata = {
      actor: { id: 'Zoë', roles: ['staff'] },
      correlationId: 'a',
      causationId: 'b',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    };
    const [outcome] = await log.append([anAppend({ metadata, events: [incremented(1), incremented(2)] })]);
    if (outcome?.outcome !== 'accepted') throw new Error('not accepted');
    const read = await log.read(0, 10);
    expect(read.map((event) => ({ ...event, metadata: event.metadata }))).toEqual(outcome.events);
    expect(read[0]?.metadata).toEqual(metadata);
    expect(new Set(read.map((event) => event.eventId)).size).toBe(2);
    expect(await log.head()).toEqual({ position: 2, recordedAt: read[1]?.recordedAt });
  });
});

describe('the head of the log', () => {
  it('is read again if the connection breaks', async () => {
    const proxy = await openProxy();
    const { log } = await openEngine({ url: proxy.url, writers: 1 });
    await log.append([anAppend()]);
    proxy.holdAnswers();
    const head = log.head();
    const asked = () => database.sql`select 1 from pg_stat_activity
      where datname = current_database() and application_name = 'afterwrite writer' and query like '%position desc%'`;
    await until(async () => (await asked()).length > 0);
    proxy.passAnswers();
    proxy.cut();
    expect(await head).toMatchObject({ position: 1 });
  });
});

describe('the empty log', () => {
  it('has its head at 0 and nothing to read', async () => {
    const { log } = await openEngine();
    expect(await log.head()).toEqual({ position: 0, recordedAt: undefined });
    expect(await log.read(0, 10)).toEqual([]);
    expect(await log.load([])).toEqual([]);
  });
});
