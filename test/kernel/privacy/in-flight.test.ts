import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { LOCK_LOG } from '../../support/kernel/log-lock.ts';
import { holdUp } from '../../support/postgres/blocker.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { peopleDomain, person, registerPerson, renamePerson } from './people.ts';

const database = useDatabase();
const openEngine = useEngine(database, [peopleDomain]);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('an append that waited while its subject was erased is decided again, and stores nothing of them', async () => {
  const keyring = await FileKeyring.create(join(folder, randomUUID()));
  const engine = await openEngine({ keyring, start: true });
  const [ada, bob] = [randomUUID(), randomUUID()];
  for (const id of [ada, bob]) {
    receiptOf(await engine.bus.execute(registerPerson, { id, name: 'Somebody', street: 'There' }, system));
  }
  const log = await holdUp(database, LOCK_LOG);
  const sent = engine.bus.execute(renamePerson, { id: bob, name: 'Robert' }, system);
  await expect.poll(() => engine.queue.current !== undefined).toBe(true);
  const waits = engine.bus.execute(renamePerson, { id: ada, name: 'Countess' }, system);
  await expect.poll(() => engine.queue.depth).toBe(1);
  await keyring.erase(person(ada));
  await database.sql`delete from es.subject_keys where subject = ${person(ada)}`;
  engine.keys?.forget([person(ada)]);
  await log.release();
  receiptOf(await sent);
  receiptOf(await waits);
  const stored = await database.sql`
    select stream_id::text as id, data->>'name' as name, data->'$personal'->'parts' is not null as "hasParts"
    from es.events where type = 'PersonRenamed' order by position`;
  expect(stored.find(({ id }) => id === ada)).toEqual({ id: ada, name: '[erased]', hasParts: false });
  expect(stored.find(({ id }) => id === bob)).toMatchObject({ hasParts: true });
});
