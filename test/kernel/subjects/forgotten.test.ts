import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { staff, system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { Person, peopleDomain, person, registerPerson, renamePerson, visitPerson } from '../privacy/people.ts';

const table = readTable('people', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  street: text('street').notNull(),
});
const people = defineProjection('people', {
  table,
  events: Person.events,
  visibleTo: 'everyone',
  on: {
    PersonRegistered: ({ streamId: id, data }, { upsert }) =>
      upsert(id, () => ({ id, name: data.name, street: data.address.street })),
    PersonRenamed: ({ streamId: id, data }, { update }) => update(id, (row) => ({ ...row, name: data.name })),
  },
});
const domain = defineDomain({ ...peopleDomain, projections: [people] });

const database = useDatabase();
const openEngine = useEngine(database, [domain]);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true }));
const newKeyring = () => FileKeyring.create(join(folder, randomUUID()));

async function register({ bus }: TestEngine, name: string): Promise<string> {
  const id = randomUUID();
  receiptOf(await bus.execute(registerPerson, { id, name, street: 'Somerset House' }, system));
  return id;
}
const erase = ({ subjects }: TestEngine, id: string) =>
  subjects.erase({ subject: person(id), reason: 'They asked for it.', actor: staff });
const rows = () => database.sql`select name, street from read.people_v1 order by name collate "C" desc`;
const nameOf = async ({ log }: TestEngine, id: string) => {
  const events = await log.read(0, 100);
  return events.find(({ streamId }) => streamId === id)?.data as { name: string };
};

describe('a person who was erased', () => {
  it('is [erased] in the log and in read models, and everybody else stays who they are', async () => {
    const engine = await openEngine({ start: true, keyring: await newKeyring() });
    const ada = await register(engine, 'Ada');
    await register(engine, 'Bob');
    await until(async () => (await rows()).length === 2);
    await erase(engine, ada);
    expect(await nameOf(engine, ada)).toMatchObject({
      name: '[erased]',
      address: { street: '[erased]' },
      newsletter: true,
    });
    await engine.subjects.settled();
    expect(await rows()).toMatchObject([{ name: '[erased]' }, { name: 'Bob', street: 'Somerset House' }]);
    expect(engine.faults).toEqual([]);
  });

  it('is forgotten by an instance that had their key, state and events in memory', async () => {
    const keyring = await newKeyring();
    const engine = await openEngine({ start: true, keyring });
    const other = await openEngine({ start: true, keyring });
    const ada = await register(other, 'Ada');
    receiptOf(await other.bus.execute(visitPerson, { id: ada, times: 6 }, system));
    expect(await nameOf(other, ada)).toMatchObject({ name: 'Ada' });
    await erase(engine, ada);
    await until(async () => (await nameOf(other, ada)).name === '[erased]');
    const [tail] = await other.log.load([
      { streamType: 'Person', streamId: ada, afterVersion: 0, stateVersion: 1, events: Person.events },
    ]);
    expect(JSON.stringify(tail)).not.toContain('Ada');
  });

  it('is forgotten by an instance that read their events while it was starting', async () => {
    const keyring = await newKeyring();
    const engine = await openEngine({ start: true, keyring });
    const ada = await register(engine, 'Ada');
    const starting = await openEngine({ keyring });
    expect(await nameOf(starting, ada)).toMatchObject({ name: 'Ada' });
    await erase(engine, ada);
    await starting.start();
    expect(await nameOf(starting, ada)).toMatchObject({ name: '[erased]' });
  });

  it('gets no new key from an instance with a keyring of its own that has just been told of the erasure', async () => {
    const path = join(folder, randomUUID());
    const engine = await openEngine({ keyring: await FileKeyring.create(path) });
    const other = await openEngine({ keyring: await FileKeyring.open(path) });
    const ada = await register(other, 'Ada');
    await erase(engine, ada);
    // The other instance has looked at the file of the keyring a moment ago.
    await other.keys?.follow([person(ada)]);
    const keys = await other.keys?.forWriting([{ subject: person(ada) }]);
    expect(keys?.({ subject: person(ada) })).toBe('gone');
    expect(await database.sql`select from es.subject_keys where subject = ${person(ada)}`).toHaveLength(0);
  });

  it('cannot come back: what a later command says about them is stored as [erased], by whichever instance', async () => {
    const keyring = await newKeyring();
    const engine = await openEngine({ start: true, keyring });
    const other = await openEngine({ start: true, keyring });
    const ada = await register(other, 'Ada');
    const { number } = await erase(engine, ada);
    for (const { bus } of [engine, other]) {
      receiptOf(await bus.execute(renamePerson, { id: ada, name: 'Ada again' }, system));
    }
    await engine.subjects.settled();
    await until(async () => (await rows())[0]?.name === '[erased]');
    const [last] = await database.sql`select max(version) as number from es.events where type = 'SubjectErased'`;
    // If the other one had not heard of it yet, it was repeated.
    expect([number, number + 1]).toContain(last?.number);
    expect((await engine.log.read(0, 100)).some(({ data }) => JSON.stringify(data).includes('again'))).toBe(false);
  });

  it('stays erased if an old backup of the database is restored', async () => {
    const keyring = await newKeyring();
    const engine = await openEngine({ start: true, keyring });
    const ada = await register(engine, 'Ada');
    await register(engine, 'Bob');
    await until(async () => (await rows()).length === 2);
    await engine.close();
    // What a backup has from before: another process erases on a copy of the store.
    await keyring.erase(person(ada));
    // They have data that is kept for a time, too.
    await database.sql`insert into es.subject_keys (subject, until, wrapped)
      select subject, day, wrapped from es.subject_keys, unnest(array['2999-01-01', '2999-01-02']) day`;
    const restored = await openEngine({ start: true, keyring });
    await until(async () => (await rows())[0]?.name === '[erased]');
    expect(await rows()).toMatchObject([{ name: '[erased]' }, { name: 'Bob' }]);
    expect(await restored.subjects.show(person(ada))).toMatchObject({ erasures: [{ by: 'system' }] });
    expect(await database.sql`select erasures from es.keyring`).toEqual([{ erasures: 1 }]);
  });

  it('stays erased if somebody else is erased in the restored backup before a server looks for them', async () => {
    const keyring = await newKeyring();
    const engine = await openEngine({ start: true, keyring });
    const ada = await register(engine, 'Ada');
    const bob = await register(engine, 'Bob');
    await until(async () => (await rows()).length === 2);
    await engine.close();
    await keyring.erase(person(ada));
    const command = await openEngine({ keyring });
    await erase(command, bob);
    await command.close();
    const restored = await openEngine({ start: true, keyring });
    await until(async () => (await restored.subjects.show(person(ada))).erasures[0]?.by === 'system');
    await restored.subjects.settled();
    expect(await rows()).toMatchObject([{ name: '[erased]' }, { name: '[erased]' }]);
    await until(async () => (await database.sql`select erasures from es.keyring`)[0]?.erasures === 2);
  });
});
