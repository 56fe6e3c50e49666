import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { Person, peopleDomain, person, registerPerson, renamePerson, visitPerson } from './people.ts';

const database = useDatabase();
const openEngine = useEngine(database, [peopleDomain]);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true }));

const newKeyring = () => FileKeyring.create(join(folder, randomUUID()));
const NAME = 'Ada Lovelace';
const STREET = 'St James Square';

async function register({ bus }: Pick<TestEngine, 'bus'>, name = NAME): Promise<string> {
  const id = randomUUID();
  receiptOf(await bus.execute(registerPerson, { id, name, street: STREET }, system));
  return id;
}
const loaded = async ({ log }: Pick<TestEngine, 'log'>, streamId: string) => {
  const [tail] = await log.load([
    { streamType: 'Person', streamId, afterVersion: 0, stateVersion: 1, events: Person.events },
  ]);
  if (!tail || tail instanceof Error) throw tail;
  return tail;
};
/** Everything that the log's schema contains, as text. */
const stored = async (): Promise<string> => {
  const [events, snapshots, receipts] = await Promise.all([
    database.sql`select data, metadata from es.events`,
    database.sql`select state from es.snapshots`,
    database.sql`select * from es.receipts`,
  ]);
  return JSON.stringify([events, snapshots, receipts]);
};

describe('a log with a keyring', () => {
  it('contains no personal value, and gives readers all of them', async () => {
    const engine = await openEngine({ keyring: await newKeyring(), start: true });
    const id = await register(engine);
    receiptOf(await engine.bus.execute(visitPerson, { id, times: 6 }, system));
    await engine.drain();
    const text = await stored();
    for (const value of [NAME, STREET, 'sings']) expect(text).not.toContain(value);
    expect(await engine.log.read(0, 10)).toMatchObject([
      {
        subject: person(id),
        data: {
          name: NAME,
          address: { street: STREET, floor: 3 },
          hobbies: [`${NAME} sings`],
          newsletter: true,
        },
      },
      ...Array.from({ length: 6 }, () => ({ subject: person(id), data: { times: 1 } })),
    ]);
  });

  it('has snapshots that only the keys of those open whom they are about', async () => {
    const keyring = await newKeyring();
    const engine = await openEngine({ keyring, start: true });
    const id = await register(engine);
    receiptOf(await engine.bus.execute(visitPerson, { id, times: 6 }, system));
    await engine.drain();
    const { snapshot } = await loaded(engine, id);
    expect(snapshot).toMatchObject({ version: 7, state: { name: NAME, street: STREET, visits: 6 } });
    await keyring.erase(person(id));
    const after = await openEngine({ keyring, start: true });
    const { snapshot: none, events } = await loaded(after, id);
    expect(none).toBeUndefined();
    expect(events[0]?.data).toEqual({
      name: '[erased]',
      address: { street: '[erased]', floor: 0 },
      hobbies: [],
      newsletter: true,
    });
  });

  it('loses what is personal of an erased person, and of nobody else', async () => {
    const keyring = await newKeyring();
    const engine = await openEngine({ keyring, start: true });
    const [ada, grace] = [await register(engine), await register(engine, 'Grace Hopper')];
    await keyring.erase(person(ada));
    engine.keys?.forget([person(ada)]);
    const names = (await engine.log.read(0, 10)).map(({ streamId, data }) => [
      streamId,
      (data as { name: string }).name,
    ]);
    expect(names).toEqual([
      [ada, '[erased]'],
      [grace, 'Grace Hopper'],
    ]);
  });

  it('stores nothing personal about an erased person any more', async () => {
    const keyring = await newKeyring();
    const engine = await openEngine({ keyring, start: true });
    const id = await register(engine);
    await keyring.erase(person(id));
    engine.keys?.forget([person(id)]);
    receiptOf(await engine.bus.execute(renamePerson, { id, name: 'Ada Byron' }, system));
    const renamed = (await engine.log.read(1, 10)).filter(({ streamType }) => streamType === 'Person');
    expect(renamed.map(({ data }) => data)).toEqual([{ name: '[erased]' }]);
    expect(await stored()).not.toContain('Byron');
    const again = randomUUID();
    await keyring.erase(person(again));
    const anybody = { actor: { id: 'ada', roles: [], claims: {} } };
    const answer = await engine.bus.execute(registerPerson, { id: again, name: NAME, street: STREET }, anybody);
    expect(answer).toMatchObject({ kind: 'rejected', code: 'SUBJECT_ERASED' });
  });

  it('is read as it is where it was written without a keyring', async () => {
    const before = await openEngine({ start: true });
    const id = await register(before);
    await before.close();
    const engine = await openEngine({ keyring: await newKeyring(), start: true });
    receiptOf(await engine.bus.execute(renamePerson, { id, name: 'Ada Byron' }, system));
    expect((await engine.log.read(0, 10)).map(({ data }) => (data as { name: string }).name)).toEqual([
      NAME,
      'Ada Byron',
    ]);
    expect(await stored()).not.toContain('Byron');
  });

  it('is refused by a server without its keyring, or with another one', async () => {
    const engine = await openEngine({ keyring: await newKeyring(), start: true });
    await register(engine);
    await engine.close();
    await expect(openEngine({ start: true })).rejects.toMatchObject({ code: 'KEYRING_UNSET' });
    await expect(openEngine({ keyring: await newKeyring(), start: true })).rejects.toMatchObject({
      code: 'KEYRING_FOREIGN',
    });
  });
});
