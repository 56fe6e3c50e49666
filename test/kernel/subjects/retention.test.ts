import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import type { EngineClock } from '../../../src/kernel/clock/database-clock.ts';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { personal } from '../../../src/kernel/define/personal/personal.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { KeyringError } from '../../../src/kernel/privacy/keyring.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { keyringWith } from '../privacy/keyring-with.ts';
import { person } from '../privacy/people.ts';

const VisitorCame = defineEvent('VisitorCame', {
  data: z.object({ name: personal(z.string()), seat: personal(z.string(), { keepForDays: 2 }) }),
});
const Visitor = defineAggregate('Visitor', {
  initialState: () => ({ seat: '' }),
  events: { VisitorCame },
  evolve: { VisitorCame: (_, { data }) => ({ seat: data.seat }) },
  subject: (_, id) => person(id),
});
const come = defineCommand('come', {
  aggregate: Visitor,
  creates: true,
  input: z.object({ id: z.guid(), name: z.string(), seat: z.string() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (_, { name, seat }) => VisitorCame({ name, seat }),
});
const visitors = defineProjection('visitors', {
  table: readTable('visitors', {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    seat: text('seat').notNull(),
  }),
  events: Visitor.events,
  visibleTo: 'everyone',
  on: { VisitorCame: ({ streamId: id, data }, { upsert }) => upsert(id, () => ({ id, ...data })) },
});
const domain = defineDomain({
  name: 'visitors',
  aggregates: [Visitor],
  commands: [come],
  projections: [visitors],
  graphql: undefined,
});

const database = useDatabase();
const openEngine = useEngine(database, [domain]);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The clock of a server at a later time. */
const clockAhead =
  (passedMs: () => number) =>
  (ofPostgres: EngineClock): EngineClock => ({
    now: () => ofPostgres.now() + passedMs(),
    at: (instant) => new Date(ofPostgres.at(instant).getTime() + passedMs()),
    get skewMs() {
      return ofPostgres.skewMs;
    },
    measure: () => ofPostgres.measure(),
    start: () => ofPostgres.start(),
    stop: () => ofPostgres.stop(),
  });

it('destroys what is kept for some days when they are over, and nothing else, also for old backups', async () => {
  const keyring = await FileKeyring.create(join(folder, randomUUID()));
  let passedMs = 0;
  const clock = clockAhead(() => passedMs);
  const engine = await openEngine({ start: true, keyring, clock });
  const second = await openEngine({ start: true, keyring, clock });
  const rows = () => database.sql`select name, seat from read.visitors_v1 order by name`;
  receiptOf(await engine.bus.execute(come, { id: randomUUID(), name: 'Ada', seat: 'Row 7' }, system));
  await until(async () => (await rows()).length === 1);
  const kept = await database.sql`select subject, until, wrapped from es.subject_keys where until <> ''`;
  expect(kept).toHaveLength(1);
  const lastDay = kept[0]?.until as string;

  passedMs = 4 * 86_400_000;
  await until(async () => (await rows())[0]?.seat === '[erased]');
  expect(await rows()).toEqual([{ name: 'Ada', seat: '[erased]' }]);
  expect(await engine.log.read(0, 1)).toMatchObject([{ data: { name: 'Ada', seat: '[erased]' } }]);
  // Each server does what is due, and has done it when it ends. One event says so.
  await second.close();
  const erasures =
    await database.sql`select data, metadata->'actor'->>'id' as actor from es.events where type = 'SubjectErased'`;
  expect(erasures).toMatchObject([{ actor: 'system', data: { subject: `until/${lastDay}` } }]);
  expect(await keyring.isErased(`until/${lastDay}`)).toBe(true);
  // A backup has the wrapped key still. Nothing can open it.
  await database.sql`insert into es.subject_keys ${database.sql(kept as never)}`;
  engine.keys?.forget([`until/${lastDay}`]);
  expect(await engine.log.read(0, 1)).toMatchObject([{ data: { name: 'Ada', seat: '[erased]' } }]);
  expect(engine.faults).toEqual([]);
});

const nameIn = async ({ log }: TestEngine) => {
  const [came] = await log.read(0, 1);
  return (came?.data as { name: string } | undefined)?.name;
};

it('a server that cannot destroy what is due forgets all the same whom others erase', async () => {
  const keyring = await FileKeyring.create(join(folder, randomUUID()));
  const id = randomUUID();
  const engine = await openEngine({ start: true, keyring });
  receiptOf(await engine.bus.execute(come, { id, name: 'Ada', seat: 'Row 7' }, system));
  // Whose seat is due as well, and stays so.
  receiptOf(await engine.bus.execute(come, { id: randomUUID(), name: 'Bob', seat: 'Row 8' }, system));
  const readOnly = keyringWith(keyring, {
    erase: async () => {
      throw new KeyringError('KEYRING_READ_ONLY', 'This server may only read the keyring.');
    },
  });
  const clock = clockAhead(() => 4 * 86_400_000);
  const other = await openEngine({ start: true, keyring: readOnly, clock, projector: 'off' });
  await until(async () => other.faults.length > 0);
  expect(await nameIn(other)).toBe('Ada');
  await engine.subjects.erase({ subject: person(id), reason: 'They asked for it.', actor: system.actor });
  await until(async () => (await nameIn(other)) === '[erased]');
  expect(other.faults.map(({ error }) => error)).toContainEqual(expect.objectContaining({ code: 'KEYRING_READ_ONLY' }));
});

it('erases nobody when plain events are encrypted of which a part was to be kept until a day that is over', async () => {
  const plain = await openEngine({ start: true });
  const id = randomUUID();
  receiptOf(await plain.bus.execute(come, { id, name: 'Ada', seat: 'Row 7' }, system));
  const [{ lastDay }] = (await database.sql`
    select to_char((recorded_at + interval '2 days') at time zone 'UTC', 'YYYY-MM-DD') as "lastDay" from es.events`) as unknown as [
    { lastDay: string },
  ];
  await plain.close();
  const keyring = await FileKeyring.create(join(folder, randomUUID()));
  await keyring.erase(`until/${lastDay}`);
  const engine = await openEngine({ start: true, keyring });
  await engine.subjects.encryptExisting();
  expect(await keyring.isErased(person(id))).toBe(false);
  const [event] = await engine.log.read(0, 1);
  expect(event?.data).toEqual({ name: 'Ada', seat: '[erased]' });
  const [row] =
    await database.sql`select array_agg(data->>'subject') as subjects from es.events where type = 'SubjectErased'`;
  expect(row?.subjects).toEqual([`until/${lastDay}`]);
});
