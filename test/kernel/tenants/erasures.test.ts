import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { keyringOfTenant } from '../../../src/kernel/privacy/tenant-keyring.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { staff, system } from '../../support/kernel/counter.ts';
import type { TestEngine } from '../../support/kernel/engine.ts';
import { useTenants } from '../../support/kernel/tenants.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { keyringWith } from '../privacy/keyring-with.ts';
import { peopleDomain, person, registerPerson } from '../privacy/people.ts';

const database = useDatabase();
const openTenants = useTenants(database, [peopleDomain]);

/** A keyring that tells of whom it was asked whether they are erased. */
async function watchedKeyring() {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-keyring-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const keyring = await FileKeyring.create(join(folder, 'keyring'));
  const asked: string[] = [];
  const isErased = (subject: Parameters<typeof keyring.isErased>[0]) => {
    asked.push(subject);
    return keyring.isErased(subject);
  };
  const watched = keyringWith(keyring, { isErased });
  return { asked, of: (tenant: string) => keyringOfTenant(watched, tenant) };
}

async function register({ bus }: TestEngine): Promise<string> {
  const id = randomUUID();
  receiptOf(await bus.execute(registerPerson, { id, name: 'Ada', street: 'Somerset House' }, system));
  return id;
}

/** How many erasures of the keyring a tenant takes into account. */
const erasuresOf = async (tenant: string) => {
  const [row] = await database.sql`select erasures from es.keyring where tenant = ${tenant}`;
  return row?.erasures;
};

it('an erasure makes only the tenant concerned look through its keys, also if it is found later', async () => {
  const { asked, of } = await watchedKeyring();
  const { engine } = await openTenants();
  const open = (tenant: string) => engine(tenant, { keyring: of(tenant) });
  const [acme, globex] = [await open('acme'), await open('globex')];
  const ada = await register(acme);
  await register(globex);
  await Promise.all([acme.close(), globex.close()]);
  // A process has died in the middle of the erasure: only the keyring knows of it.
  await of('acme').erase(person(ada));
  asked.length = 0;
  const found = await open('acme');
  await open('globex');
  await until(async () => (await erasuresOf('acme')) === 1 && (await erasuresOf('globex')) === 1);
  expect(await found.subjects.show(person(ada))).toMatchObject({ erasures: [{ by: 'system' }] });
  expect(asked.filter((subject) => subject.startsWith('acme:'))).toContain(`acme:${person(ada)}`);
  expect(asked.filter((subject) => subject.startsWith('globex:'))).toEqual([]);
});

it('an erasure in one tenant leaves the person of the same id in another one', async () => {
  const { of } = await watchedKeyring();
  const { engine } = await openTenants();
  const [acme, globex] = [
    await engine('acme', { keyring: of('acme') }),
    await engine('globex', { keyring: of('globex') }),
  ];
  const ada = await register(acme);
  receiptOf(await globex.bus.execute(registerPerson, { id: ada, name: 'Ada', street: 'Somerset House' }, system));
  await acme.subjects.erase({ subject: person(ada), reason: 'They asked for it.', actor: staff });
  const nameIn = async ({ log }: TestEngine) => (await log.read(0, 10))[0]?.data;
  expect(await nameIn(acme)).toMatchObject({ name: '[erased]' });
  expect(await nameIn(globex)).toMatchObject({ name: 'Ada' });
  expect(await globex.subjects.show(person(ada))).toMatchObject({ erasures: [] });
});
