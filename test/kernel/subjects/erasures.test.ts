import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { integer, text, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { anAppend, receiptOf } from '../../support/kernel/appends.ts';
import { Counter, counterDomain, incrementCounter, openCounter, staff, system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

/** A read model of events that no person is behind. */
const closingsTable = readTable('closings', { id: uuid('id').primaryKey(), closed: integer('closed').notNull() });
const closings = defineProjection('closings', {
  table: closingsTable,
  events: Counter.events,
  visibleTo: 'everyone',
  on: { CounterClosed: ({ streamId: id }, { upsert }) => upsert(id, () => ({ id, closed: 1 })) },
});
/** A read model of all events, which is given no data. */
const entriesTable = readTable('entries', {
  position: integer('position').primaryKey(),
  summary: text('summary').notNull(),
});
const entries = defineProjection('entries', {
  table: entriesTable,
  visibleTo: 'everyone',
  every: ({ position, summary }, { put }) => put(position, () => ({ position, summary })),
});
const domain = defineDomain({ ...counterDomain, projections: [...counterDomain.projections, closings, entries] });

const database = useDatabase();
const openEngine = useEngine(database, [domain]);

let folder = '';
let keyring: FileKeyring;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
beforeEach(async () => {
  keyring = await FileKeyring.create(join(folder, randomUUID()));
});
afterAll(() => rm(folder, { recursive: true }));

/** What the log stores beside an event's data that is about the person. */
const seal = { $personal: { of: 'customer/ann', parts: [] } };
const order = { subject: 'customer/ann', reason: 'They asked for it.', actor: staff };
const tableOf = async (name: string) =>
  (await database.sql`select ${`read.${name}_v1`}::regclass::oid::int as oid`)[0]?.oid as number;
const erasuresOf = async () =>
  Object.fromEntries(
    (await database.sql`select consumer, erasures from read.checkpoints where kind = 'projection' order by 1`).map(
      ({ consumer, erasures }) => [consumer, erasures],
    ),
  );
const caughtUp = async ({ log, projector }: TestEngine) => {
  const { position } = await log.head();
  for (const name of ['counters', 'closings', 'entries']) {
    expect(await projector.positions.reached(name, position, { timeoutMs: 30_000 })).toBe(true);
  }
};

/** A counter of the person, whose first event names them. */
async function counterOf({ log }: TestEngine): Promise<string> {
  const opened = anAppend({
    events: [{ type: 'CounterOpened', schemaVersion: 1, data: { label: 'Ann', ...seal } }],
  });
  await log.append([opened]);
  return opened.streamId;
}

describe('an erasure', () => {
  it('is an event with the actor, the time and the reason', async () => {
    const engine = await openEngine({ start: true, keyring });
    const { position, number } = await engine.subjects.erase({ ...order, reason: ' They asked for it. ' });
    const [event] = await engine.log.readAt([position]);
    expect(event).toMatchObject({
      type: 'SubjectErased',
      data: { subject: 'customer/ann', reason: 'They asked for it.' },
      metadata: { actor: { id: 'staff-1', roles: ['staff'] } },
      version: number,
    });
    expect(event?.summary).toBe('subject: "customer/ann", reason: "They asked for it."');
  });

  it('destroys the key before it is recorded, and is refused without keys', async () => {
    const engine = await openEngine({ start: true, keyring });
    await engine.subjects.erase(order);
    expect(await keyring.isErased('customer/ann')).toBe(true);
    // From now on, a copy of the keyring from before is refused.
    expect(await database.sql`select erasures from es.keyring`).toEqual([{ erasures: 1 }]);
    const without = await openEngine();
    await expect(without.subjects.erase(order)).rejects.toMatchObject({ code: 'KEYRING_UNSET' });
  });

  it('is possible for every id that data can be stored under, and forgets its keys', async () => {
    const engine = await openEngine({ start: true, keyring });
    for (const subject of ['customer/Ann Lee', 'customer/a\nb', 'customer/a\n'] as const) {
      const refs = [{ subject }, { subject, until: '2999-01-01' }];
      await engine.keys?.forWriting(refs);
      for (const ref of refs) expect(engine.keys?.cached([ref])?.(ref)).toBeInstanceOf(Buffer);
      await engine.subjects.erase({ ...order, subject });
      for (const ref of refs) expect(engine.keys?.cached([ref])).toBeUndefined();
    }
  });

  it.each([
    [{ subject: 'ann' }, 'SUBJECT_MALFORMED'],
    [{ subject: 'customer/' }, 'SUBJECT_MALFORMED'],
    [{ subject: 'customer/[erased]' }, 'SUBJECT_MALFORMED'],
    [{ reason: '  ' }, 'REASON_REFUSED'],
    [{ reason: 'x'.repeat(501) }, 'REASON_REFUSED'],
    [{ reason: 'nul \0' }, 'REASON_REFUSED'],
  ])('of %j is refused with %s, and nothing is destroyed', async (wrong, code) => {
    const engine = await openEngine({ start: true, keyring });
    await expect(engine.subjects.erase({ ...order, ...wrong })).rejects.toMatchObject({ code });
    expect(await keyring.erasures()).toBe(0);
    expect((await engine.log.head()).position).toBe(0);
  });

  it('makes those read models again that have data of the subject, and no others', async () => {
    const engine = await openEngine({ start: true, keyring });
    await counterOf(engine);
    await engine.projector.refreshHead();
    await caughtUp(engine);
    const before = [await tableOf('counters'), await tableOf('closings'), await tableOf('entries')];
    // What the table has from before is of no importance: it is made from the log.
    await database.sql`update read.counters_v1 set label = 'Ann, from before'`;
    const { number } = await engine.subjects.erase(order);
    await engine.subjects.settled();
    const [counters, closed, all] = [await tableOf('counters'), await tableOf('closings'), await tableOf('entries')];
    expect(counters).not.toBe(before[0]);
    expect([closed, all]).toEqual(before.slice(1));
    expect(await erasuresOf()).toMatchObject({ counters: number, closings: number, entries: number });
    expect(await database.sql`select label from read.counters_v1`).toMatchObject([{ label: 'Ann' }]);
    expect(engine.faults).toEqual([]);
  });

  it('is followed after a crash that came before the read models were made again', async () => {
    const engine = await openEngine({ start: true, keyring });
    await counterOf(engine);
    await engine.projector.refreshHead();
    await caughtUp(engine);
    await engine.close();
    const before = await tableOf('counters');
    // The order reached the log, and nothing else was done.
    const dying = await openEngine({ keyring });
    await dying.subjects.erase(order);
    await dying.close();
    expect(await tableOf('counters')).toBe(before);
    const next = await openEngine({ start: true, keyring });
    await next.subjects.settled();
    expect(await tableOf('counters')).not.toBe(before);
  });

  it('makes states in memory and snapshots of the subject go, and leaves those of others', async () => {
    const engine = await openEngine({ start: true, keyring });
    const others = receiptOf(await engine.bus.execute(openCounter, { label: 'b' }, system)).aggregateId;
    const own = await counterOf(engine);
    for (const counterId of [own, others]) {
      receiptOf(await engine.bus.execute(incrementCounter, { counterId, times: 12 }, system));
    }
    await until(async () => (await database.sql`select from es.snapshots`).length === 2);
    await engine.subjects.erase(order);
    expect(await database.sql`select stream_id from es.snapshots`).toEqual([{ stream_id: others }]);
    // A state that is still in memory would be at this version without asking the log.
    const [{ version }] = await database.sql<
      [{ version: number }]
    >`select version from es.streams where stream_id = ${own}`;
    expect(receiptOf(await engine.bus.execute(incrementCounter, { counterId: own }, system)).version).toBe(version + 1);
  });

  it('replaces the words about failures of the subject’s events, which may quote them', async () => {
    const engine = await openEngine({ start: true, keyring });
    const own = await counterOf(engine);
    await engine.log.append([anAppend()]);
    await database.sql`
      insert into read.dead_letters (projection, key, position, stream_type, stream_id, event_type, version, error, status, reason)
      select 'counters@1', 'Counter/' || stream_id, position, stream_type, stream_id, type, 1, 'label: Ann is not it', 'DISCARDED', 'Ann'
      from es.events`;
    await database.sql`
      insert into read.parked_items (consumer, line, position, initiator, error)
      select 'process:P', 'Counter/' || stream_id, position, 'x', 'Ann is not it' from es.events`;
    await database.sql`
      insert into read.parked_items (consumer, line, deadline, initiator, error) values ('process:P', ${`Counter/${own}`}, 'late', 'x', 'Ann')`;
    await engine.subjects.erase(order);
    const told = (table: string) =>
      database.sql.unsafe(
        `select count(*)::int, error, reason, stream_id::text = '${own}' as own from ${table} group by 2, 3, 4 order by 4 desc`,
      );
    expect(await told('read.dead_letters')).toEqual([
      { count: 1, error: '[erased]', reason: '[erased]', own: true },
      { count: 1, error: 'label: Ann is not it', reason: 'Ann', own: false },
    ]);
    const items =
      await database.sql`select count(*)::int, error, line = ${`Counter/${own}`} as own from read.parked_items group by 2, 3 order by 3 desc`;
    expect(items).toEqual([
      { count: 2, error: '[erased]', own: true },
      { count: 1, error: 'Ann is not it', own: false },
    ]);
  });

  it('is repeated once if an instance that did not know of it yet has appended an event of the subject', async () => {
    const engine = await openEngine({ keyring });
    const { number } = await engine.subjects.erase(order);
    await counterOf(engine);
    const [one, other] = [await openEngine({ start: true, keyring }), await openEngine({ start: true, keyring })];
    const erasures = () =>
      database.sql`select version, data from es.events where type = 'SubjectErased' order by version`;
    await until(async () => (await erasures()).length > 1);
    // Both have done what they do.
    await Promise.all([one.close(), other.close()]);
    const erased = await erasures();
    expect(erased).toHaveLength(2);
    expect(erased[1]?.data.reason).toContain(`erasure ${number}`);
  });
});
