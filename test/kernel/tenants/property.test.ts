import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { text, uuid } from 'drizzle-orm/pg-core';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../src/database/database.ts';
import { TokenError } from '../../../src/kernel/consistency/token.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { historyTable } from '../../../src/kernel/define/read-model/history-table.ts';
import { defineProjection, type Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { searchText } from '../../../src/kernel/define/read-model/search-text.ts';
import { createEngine } from '../../../src/kernel/engine.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import type { Keyring } from '../../../src/kernel/privacy/keyring.ts';
import { keyringOfTenant } from '../../../src/kernel/privacy/tenant-keyring.ts';
import { staff, system } from '../../support/kernel/counter.ts';
import type { TestEngine } from '../../support/kernel/engine.ts';
import { fillPurse, parcelDomain, receiveParcel, sendParcel } from '../../support/kernel/parcel-process.ts';
import { historyOf, rowsOf } from '../../support/kernel/rows.ts';
import { useTenants } from '../../support/kernel/tenants.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { fc } from '../../support/properties.ts';
import { until } from '../../support/until.ts';
import { Person, peopleDomain, person, registerPerson, renamePerson } from '../privacy/people.ts';

const peopleTable = readTable(
  'people',
  { id: uuid('id').primaryKey(), name: text('name').notNull(), searchText: text('search_text').notNull() },
  undefined,
  { history: true },
);
historyTable(peopleTable);
/** People as they are and were, with a text to search in. */
const people = defineProjection('people', {
  table: peopleTable,
  history: true,
  events: Person.events,
  personal: { of: ({ id }: { id: string }) => person(id), columns: ['name', 'searchText'] },
  visibleTo: 'everyone',
  on: {
    PersonRegistered: ({ streamId: id, data: { name } }, { put }) =>
      put(id, () => ({ id, name, searchText: searchText(name) })),
    PersonRenamed: ({ streamId, data: { name } }, { update }) =>
      update(streamId, (row) => ({ ...row, name, searchText: searchText(name) })),
  },
});
/** People of whom it cannot tell everything. */
const touchy = defineProjection('touchy', {
  table: readTable('touchy', { id: uuid('id').primaryKey(), names: text('names').notNull() }),
  events: Person.events,
  personal: { of: ({ id }: { id: string }) => person(id), columns: ['names'] },
  visibleTo: 'everyone',
  on: {
    PersonRegistered: ({ streamId: id, data: { name } }, { put }) => put(id, () => ({ id, names: name })),
    PersonRenamed: ({ streamId, data: { name } }, { update }) => {
      if (name.startsWith('Poison')) throw new Error('It cannot hear that name.');
      return update(streamId, (row) => ({ ...row, names: `${row.names}, ${name}` }));
    },
  },
});
const peopleRead = defineDomain({ ...peopleDomain, projections: [people, touchy] });
const domains = [peopleRead, parcelDomain];
const projections = [people, touchy] as unknown as readonly Projection[];

const TENANTS = ['acme', 'umbrella'] as const;
type Tenant = (typeof TENANTS)[number];
const IDS = ['a', 'b', 'c'].map((digit) => `0198a0c0-0000-7000-8000-00000000000${digit}`);

/** All tenants use the same ids, and the same ids of commands. */
const operation = fc.record({
  tenant: fc.constantFrom<Tenant>(...TENANTS),
  does: fc.constantFrom(
    'register',
    'register',
    'rename',
    'rename',
    'poison',
    'retry',
    'discard',
    'fill',
    'send',
    'send',
    'receive',
    'erase',
  ),
  id: fc.constantFrom(...IDS),
  amount: fc.nat(5),
});
type Operation = typeof operation extends fc.Arbitrary<infer Of> ? Of : never;

const shared = useDatabase();
const alone = { acme: useDatabase(), umbrella: useDatabase() };
const openTenants = useTenants(shared, domains);

/** An engine of an application without tenants. */
async function openAlone(url: string, keyring: Keyring): Promise<TestEngine> {
  const database = await openDatabase({ url, connections: { writer: 2, projector: 3, reader: 2 } });
  const engine = createEngine({ domains, database, keyring });
  const close = async () => {
    await engine.drain();
    await engine.stop();
    await database.close(1000);
  };
  onTestFinished(close);
  await engine.start();
  return { ...engine, database, faults: [], close };
}

/** Everything that follows from the last operation has happened. */
async function settled({ log, projector, processes, subjects }: TestEngine): Promise<void> {
  await subjects.settled();
  let last = -1;
  await until(async () => {
    const { position } = await log.head();
    const isStill = position === last;
    last = position;
    const reached = projector.positions.names.every((name) => projector.positions.of(name) >= position);
    return isStill && reached && processes.status().every(({ lag }) => lag === 0);
  });
}

async function perform(engine: TestEngine, tenant: Tenant, { does, id, amount }: Operation, nth: number) {
  const { bus, deadLetters, subjects } = engine;
  const commandId = `0198a0c0-0000-4000-8000-${String(nth).padStart(12, '0')}`;
  const options = { ...system, commandId };
  const name = `${does === 'poison' ? 'Poison' : 'Ada'} of ${tenant} ${amount}`;
  const key = async () => (await deadLetters.keys('touchy', 10)).find((each) => each.key === id);
  const failed = (error: unknown) => ({ failed: (error as { readonly code?: unknown }).code });
  switch (does) {
    case 'register':
      return bus.execute(registerPerson, { id, name, street: 'a street' }, options);
    case 'rename':
    case 'poison':
      return bus.execute(renamePerson, { id, name }, options);
    case 'retry':
      return (await key()) && deadLetters.retry('touchy', id).catch(failed);
    case 'discard': {
      const parked = await key();
      return parked && deadLetters.discard('touchy', id, parked.position, { by: 'a test', reason: null }).catch(failed);
    }
    case 'fill':
      return bus.execute(fillPurse, { id, amount }, options);
    case 'send':
      return bus.execute(sendParcel, { id, to: IDS[amount % IDS.length] as string, postage: amount }, options);
    case 'receive':
      return bus.execute(receiveParcel, { parcelId: id }, options);
    case 'erase':
      return subjects.erase({ subject: person(id), reason: 'asked for', actor: staff }).catch(failed);
  }
}

/** What can be seen in an engine, but for times and what is random. */
async function seenIn({ database, log, deadLetters, subjects, processes, projector }: TestEngine, word: string) {
  const { db } = database.reader;
  const events = await log.read(0, 10_000);
  const { former } = await historyOf(db, projections[0] as Projection);
  const found = await db.execute<{ id: string }>(
    sql`select id from read.people_v1 where search_text like '%' || read.search_text(${word}) || '%' order by id`,
  );
  const of = await db.execute<{ rows: number }>(sql`select count(*)::int as rows from read.people_v1`);
  const keys = await deadLetters.keys(undefined, 100);
  return {
    head: (await log.head()).position,
    events: events.map(({ position, streamType, streamId, version, type, data }) =>
      withoutTimes({ position, streamType, streamId, version, type, data }),
    ),
    rows: await Promise.all(projections.map((projection) => rowsOf(db, projection))),
    former: former.map(({ name, fromPosition, untilPosition }) => ({ name, fromPosition, untilPosition })),
    found: found.map(({ id }) => id),
    count: of[0]?.rows,
    parked: keys.map(({ key, position, behind }) => ({ key, position, behind })),
    parkedKeys: await deadLetters.count(undefined),
    subjects: await Promise.all(
      IDS.map(async (id) => {
        const { types, erasures } = await subjects.show(person(id));
        return { types, erasures: erasures.map(({ position, by, reason }) => ({ position, by, reason })) };
      }),
    ),
    processes: processes.status().map(({ lag, parked }) => ({ lag, parked })),
    positions: projector.positions.names.map((name) => projector.positions.of(name)),
  };
}

/** Without deadlines, and without ids that follow from other times. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, part) => (/^(dueAt|at|commandId)$/.test(name) ? 'a time' : part)));
}

it('two tenants get the answers of an application without tenants each, and neither sees anything of the other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-keyring-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const keyring = await FileKeyring.create(join(folder, 'tenants'));
  const { engine } = await openTenants();
  const open = async (tenant: Tenant) => ({
    tenant: await engine(tenant, { keyring: keyringOfTenant(keyring, tenant) }),
    alone: await openAlone(alone[tenant].url, await FileKeyring.create(join(folder, tenant))),
  });
  const worlds = { acme: await open('acme'), umbrella: await open('umbrella') };
  const other = { acme: 'umbrella', umbrella: 'acme' } as const;
  const told: Record<Tenant, unknown[]> = { acme: [], umbrella: [] };
  for (const tenant of TENANTS) {
    const { hub } = worlds[tenant].tenant.projector;
    for (const { name } of projections) hub.follow(name, (moved) => told[tenant].push(moved));
  }
  let nth = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 8, maxLength: 14 }), async (operations) => {
      for (const each of operations) {
        nth++;
        const { tenant } = each;
        const { tenant: own, alone: reference } = worlds[tenant];
        const before = told[other[tenant]].length;
        const answers = await Promise.all([own, reference].map((which) => perform(which, tenant, each, nth)));
        await Promise.all([settled(own), settled(reference)]);
        expect(withoutTimes(answers[0] ?? null)).toEqual(withoutTimes(answers[1] ?? null));
        // The other one was told of nothing.
        expect(told[other[tenant]].slice(before)).toEqual([]);
      }
      for (const tenant of TENANTS) {
        const { tenant: own, alone: reference } = worlds[tenant];
        const [seen, expected] = await Promise.all([own, reference].map((which) => seenIn(which, 'ADA OF')));
        expect(seen).toEqual(expected);
        expect(JSON.stringify(seen)).not.toContain(other[tenant]);
        expect(() => own.tokens.decode(worlds[other[tenant]].tenant.tokens.encode(1))).toThrow(TokenError);
      }
    }),
    { numRuns: 3, endOnFailure: true },
  );
  for (const tenant of TENANTS)
    expect(worlds[tenant].tenant.faults.filter(({ error }) => !/cannot hear/.test(String(error)))).toEqual([]);
});
