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
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
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

it('destroys what is kept for some days when they are over, and nothing else, also for old backups', async () => {
  const keyring = await FileKeyring.create(join(folder, randomUUID()));
  let passedMs = 0;
  const clock = (ofPostgres: EngineClock): EngineClock => ({
    now: () => ofPostgres.now() + passedMs,
    at: (instant) => new Date(ofPostgres.at(instant).getTime() + passedMs),
    get skewMs() {
      return ofPostgres.skewMs;
    },
    measure: () => ofPostgres.measure(),
    start: () => ofPostgres.start(),
    stop: () => ofPostgres.stop(),
  });
  const engine = await openEngine({ start: true, keyring, clock });
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
  const [erasure] =
    await database.sql`select data, metadata->'actor'->>'id' as actor from es.events where type = 'SubjectErased'`;
  expect(erasure).toMatchObject({ actor: 'system', data: { subject: `until/${lastDay}` } });
  expect(await keyring.isErased(`until/${lastDay}`)).toBe(true);
  // A backup has the wrapped key still. Nothing can open it.
  await database.sql`insert into es.subject_keys ${database.sql(kept as never)}`;
  engine.keys?.forget([`until/${lastDay}`]);
  expect(await engine.log.read(0, 1)).toMatchObject([{ data: { name: 'Ada', seat: '[erased]' } }]);
  expect(engine.faults).toEqual([]);
});
