import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { integer, jsonb, text, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { historyTable } from '../../../src/kernel/define/read-model/history-table.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { staff, system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { Person, peopleDomain, person, registerPerson, renamePerson } from '../privacy/people.ts';

const table = readTable(
  'people',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    address: jsonb('address').$type<{ readonly street: string; readonly floor: number | null }>().notNull(),
    hobbies: jsonb('hobbies').$type<readonly string[]>().notNull(),
    searchText: text('search_text').notNull(),
    floor: integer('floor'),
    newsletter: text('newsletter').notNull(),
  },
  undefined,
  { history: true },
);
historyTable(table);
const people = defineProjection('people', {
  table,
  events: Person.events,
  history: true,
  visibleTo: 'everyone',
  on: {
    PersonRegistered: ({ streamId: id, data: { name, address, hobbies, newsletter } }, { upsert }) =>
      upsert(id, () => ({
        ...{ id, name, address, hobbies, floor: address.floor },
        ...{ searchText: `${name}\n${address.street}`.toLowerCase(), newsletter: String(newsletter) },
      })),
    PersonRenamed: ({ streamId, data: { name } }, { update }) =>
      update(streamId, (row) => ({ ...row, name, searchText: `${name}\n${row.address.street}`.toLowerCase() })),
  },
});

/** Into the rows of everybody, it copies who came last. */
const guestsTable = readTable('guests', {
  id: uuid('id').primaryKey(),
  room: text('room').notNull(),
  own: text('own').notNull(),
  last: text('last').notNull(),
});
const guests = defineProjection('guests', {
  table: guestsTable,
  events: Person.events,
  visibleTo: 'everyone',
  on: {
    PersonRegistered: ({ streamId: id, data: { name } }, { upsert, updateWhere }) => [
      updateWhere('room', 'hall', (row) => ({ ...row, last: name })),
      upsert(id, () => ({ id, room: 'hall', own: name, last: '' })),
    ],
  },
});
const domain = defineDomain({ ...peopleDomain, projections: [people, guests] });

const database = useDatabase();
const openEngine = useEngine(database, [domain]);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Their names have letters that no id has: they are searched for. */
async function register({ bus }: TestEngine, name: string): Promise<string> {
  const id = randomUUID();
  receiptOf(await bus.execute(registerPerson, { id, name, street: `${name} Street` }, system));
  return id;
}
const rename = async ({ bus }: TestEngine, id: string, name: string) =>
  receiptOf(await bus.execute(renamePerson, { id, name }, system));
const erase = ({ subjects }: TestEngine, id: string) =>
  subjects.erase({ subject: person(id), reason: 'They asked for it.', actor: staff });
const caughtUp = async ({ log, projector }: TestEngine) => {
  const { position } = await log.head();
  for (const name of ['people', 'guests'])
    expect(await projector.positions.reached(name, position, { timeoutMs: 10_000 })).toBe(true);
};
const tables = ['read.people_v1', 'read.people_history_v1', 'read.guests_v1'];
/** All rows and former versions, as text. */
const everything = async () =>
  (
    await Promise.all(
      tables.map((name) =>
        database.sql.unsafe(`select to_jsonb(t) - 'held_from' - 'held_until' as row from ${name} t`),
      ),
    )
  )
    .flat()
    .map(({ row }) => JSON.stringify(row))
    .join('\n');

/** Runs `work` while rebuilds cannot replace the tables, because somebody reads them in a transaction: as if the log were too long. */
async function whileRebuildsAreHeld(work: () => Promise<void>): Promise<void> {
  await database.sql.begin(async (tx) => {
    for (const name of tables) await tx.unsafe(`lock table ${name} in access share mode`);
    await work();
  });
}

describe('while read models are being made again, an erased person', () => {
  it('is hidden in rows, former versions, texts to search in, and rows of others', async () => {
    const engine = await openEngine({ start: true, keyring: await FileKeyring.create(join(folder, randomUUID())) });
    const bob = await register(engine, 'Bob');
    const olga = await register(engine, 'Olga');
    await rename(engine, olga, 'Olga Orlova');
    await rename(engine, bob, 'Bobby');
    await caughtUp(engine);
    expect((await everything()).match(/olga/gi)?.length).toBeGreaterThan(8);
    let hidden = '';
    await whileRebuildsAreHeld(async () => {
      await erase(engine, olga);
      hidden = await everything();
      const [row] = await database.sql`select * from read.people_v1 where id = ${olga}`;
      expect(row).toMatchObject({
        ...{ name: '[erased]', address: { street: '[erased]', floor: 0 }, hobbies: [], floor: 0 },
        ...{ search_text: '[erased]', newsletter: 'true' },
      });
      expect(await database.sql`select own, last from read.guests_v1 where id = ${bob}`).toEqual([
        { own: 'Bob', last: '[erased]' },
      ]);
      // Events that come later are folded on what is left.
      await rename(engine, olga, 'Olga again');
      await rename(engine, bob, 'Robert');
      await caughtUp(engine);
      expect(await everything()).not.toMatch(/olga/i);
      const present = await database.sql`select name from read.people_v1 order by name collate "C"`;
      expect(present).toEqual([{ name: 'Robert' }, { name: '[erased]' }]);
    });
    expect(hidden).not.toMatch(/olga/i);
    for (const name of ['Bob', 'Bobby']) expect(hidden).toContain(`"${name}"`);
    await engine.subjects.settled();
    expect(await everything()).not.toMatch(/olga/i);
    expect(engine.faults).toEqual([]);
  });

  it('is hidden for good, although the instance that fills the tables had not heard of it', async () => {
    const path = join(folder, randomUUID());
    const filling = await openEngine({ start: true, keyring: await FileKeyring.create(path) });
    const olga = await register(filling, 'Olga');
    await caughtUp(filling);
    const erasing = await openEngine({ keyring: await FileKeyring.open(path) });
    await whileRebuildsAreHeld(async () => {
      await erase(erasing, olga);
      await until(async () => !/olga/i.test(await everything()));
      // It begins again with rows from the table.
      await rename(filling, olga, 'Olga again');
      await register(filling, 'Bob');
      await caughtUp(filling);
      expect(await everything()).not.toMatch(/olga/i);
    });
    expect(filling.faults).toEqual([]);
  });

  it('does not come back with a rebuild that was begun before', async () => {
    const engine = await openEngine({ start: true, keyring: await FileKeyring.create(join(folder, randomUUID())) });
    const olga = await register(engine, 'Olga');
    await register(engine, 'Bob');
    await caughtUp(engine);
    const shadow = () => database.sql`select to_jsonb(t) as row from read.people_v1__rebuild t`.catch(() => []);
    const tableOf = async () => (await database.sql`select 'read.people_v1'::regclass::oid::int as oid`)[0]?.oid;
    const before = await tableOf();
    await whileRebuildsAreHeld(async () => {
      await engine.projector.rebuilds.begin(people);
      await until(async () => JSON.stringify(await shadow()).includes('Olga'));
      await erase(engine, olga);
    });
    // Whichever table is served, she is not in it.
    await until(async () => (await tableOf()) !== before);
    expect(await everything()).not.toMatch(/olga/i);
    await engine.subjects.settled();
    expect(await everything()).not.toMatch(/olga/i);
    expect(await everything()).toContain('"Bob"');
    expect(engine.faults).toEqual([]);
  });
});
