import { randomBytes, randomUUID } from 'node:crypto';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ThrottledError } from '../../../src/kernel/errors.ts';
import { noteGeneration } from '../../../src/kernel/privacy/claim-keyring.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { rewrapKeys } from '../../../src/kernel/privacy/rewrap.ts';
import { retentionSubject } from '../../../src/kernel/privacy/subject-keys.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { keyringWith } from './keyring-with.ts';
import { peopleDomain, person, registerPerson, renamePerson } from './people.ts';

const database = useDatabase();
const openEngine = useEngine(database, [peopleDomain]);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true }));
const newPath = () => join(folder, randomUUID());
const aPerson = (id = randomUUID()) => ({ id, name: 'Ada Lovelace', street: 'St James Square' });

describe('a keyring beside running servers', () => {
  it('that is missing for a while refuses what is personal, and loses nothing', async () => {
    const path = newPath();
    const keyring = await FileKeyring.create(path);
    const engine = await openEngine({ keyring, start: true });
    const known = aPerson();
    receiptOf(await engine.bus.execute(registerPerson, known, system));
    await rename(path, `${path}.away`);
    await expect.poll(() => keyring.erasures().catch((error) => error.code)).toBe('KEYRING_MISSING');
    // The key of a known person is in memory.
    receiptOf(await engine.bus.execute(renamePerson, { id: known.id, name: 'Ada Byron' }, system));
    const refused = aPerson();
    const commandId = randomUUID();
    const register = () => engine.bus.execute(registerPerson, refused, { ...system, commandId });
    await expect(register()).rejects.toBeInstanceOf(ThrottledError);
    expect(engine.faults.map(({ error }) => (error as { code?: string }).code)).toContain('KEYRING_MISSING');
    expect((await engine.log.head()).position).toBe(2);
    engine.keys?.forget([person(known.id)]);
    await expect(engine.log.read(0, 10)).rejects.toMatchObject({ code: 'KEYRING_MISSING' });
    await rename(`${path}.away`, path);
    expect(receiptOf(await register()).version).toBe(1);
    expect((await engine.log.read(0, 10)).map(({ data }) => (data as { name: string }).name)).toEqual([
      'Ada Lovelace',
      'Ada Byron',
      'Ada Lovelace',
    ]);
  });

  it('has one key for a person whom two servers meet at the same time', async () => {
    const path = newPath();
    await FileKeyring.create(path);
    const engines = await Promise.all(
      [1, 2].map(async () => openEngine({ keyring: await FileKeyring.open(path), start: true })),
    );
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const found = await Promise.all(
      engines.map(async ({ keys }) => {
        const lookup = await keys?.forWriting(ids.map((id) => ({ subject: person(id) })));
        return ids.map((id) => lookup?.({ subject: person(id) }).toString('hex'));
      }),
    );
    expect(found[0]).toEqual(found[1]);
    expect(new Set(found[0]).size).toBe(ids.length);
  });

  it('reads everything after a rotation, and with the former secrets destroyed', async () => {
    const keyring = await FileKeyring.create(newPath());
    const engine = await openEngine({ keyring, start: true });
    const { id, ...ada } = aPerson();
    receiptOf(await engine.bus.execute(registerPerson, { id, ...ada }, system));
    await keyring.rotate();
    expect(await rewrapKeys(engine.database.owner.db, keyring)).toBe(1);
    expect(await rewrapKeys(engine.database.owner.db, keyring)).toBe(0);
    await keyring.rotate({ forgetsFormer: true });
    engine.keys?.forget([person(id)]);
    expect((await engine.log.read(0, 1))[0]?.data).toMatchObject({ name: ada.name });
  });

  it('wraps a key again of which only the outer wrapping is new', async () => {
    const keyring = await FileKeyring.create(newPath());
    const { database: store, keys } = await openEngine({ keyring, start: true });
    const [subject, key] = [person(randomUUID()), randomBytes(32)];
    const inner = (await keyring.wrap(subject, key)) as Buffer;
    await keyring.rotate();
    const outer = (await keyring.wrap(retentionSubject('2999-01-01'), inner)) as Buffer;
    await database.sql`insert into es.subject_keys (subject, until, wrapped) values (${subject}, '2999-01-01', ${outer})`;
    expect(await rewrapKeys(store.owner.db, keyring)).toBe(1);
    await keyring.rotate({ forgetsFormer: true });
    const ref = { subject, until: '2999-01-01' };
    expect((await keys?.forReading([ref]))?.(ref)).toEqual(key);
  });

  it('recognises a command that was issued before there was one', async () => {
    const before = await openEngine({ start: true });
    const commandId = randomUUID();
    const ada = aPerson();
    const first = receiptOf(await before.bus.execute(registerPerson, ada, { ...system, commandId }));
    await before.close();
    const engine = await openEngine({ keyring: await FileKeyring.create(newPath()), start: true });
    const again = receiptOf(await engine.bus.execute(registerPerson, ada, { ...system, commandId }));
    expect(again).toMatchObject({ replayed: true, position: first.position });
  });
});

describe('a store', () => {
  const codeOf = (starting: Promise<unknown>) => starting.then(() => 'started').catch(({ code }) => code);

  it('without any keys refuses a keyring from before a rotation', async () => {
    const path = newPath();
    const keyring = await FileKeyring.create(path);
    await copyFile(path, `${path}.former`);
    await keyring.rotate();
    await (await openEngine({ keyring, start: true })).close();
    const former = await openEngine({ keyring: await FileKeyring.open(`${path}.former`) });
    expect(await codeOf(former.start())).toBe('KEYRING_OUTDATED');
  });

  it('refuses a copy of its keyring that was rotated by itself', async () => {
    const path = newPath();
    const keyring = await FileKeyring.create(path);
    await copyFile(path, `${path}.copy`);
    const copy = await FileKeyring.open(`${path}.copy`);
    // Another millisecond than that of the copy.
    await keyring.rotate();
    await until(async () => {
      await copy.rotate();
      return (await copy.generations()).at(-1)?.mark !== (await keyring.generations()).at(-1)?.mark;
    });
    while (((await keyring.generations()).at(-1)?.number ?? 0) < ((await copy.generations()).at(-1)?.number ?? 0))
      await keyring.rotate();
    await (await openEngine({ keyring, start: true })).close();
    const other = await openEngine({ keyring: copy });
    expect(await codeOf(other.start())).toBe('KEYRING_FOREIGN');
  });

  it('keeps no key that a stalled server has wrapped with a former secret, and the server makes another', async () => {
    const path = newPath();
    const keyring = await FileKeyring.create(path);
    let stall: (() => Promise<void>) | undefined;
    const stalled = keyringWith(await FileKeyring.open(path), {});
    const engine = await openEngine({
      start: true,
      keyring: {
        ...stalled,
        wrap: async (subject, key) => {
          const wrapped = await stalled.wrap(subject, key);
          await stall?.();
          return wrapped;
        },
      },
    });
    stall = async () => {
      stall = undefined;
      await keyring.rotate();
      await noteGeneration(engine.database.writer.db, keyring);
      await rewrapKeys(engine.database.owner.db, keyring);
      await keyring.rotate({ forgetsFormer: true });
    };
    const { id, ...ada } = aPerson();
    receiptOf(await engine.bus.execute(registerPerson, { id, ...ada }, system));
    expect(stall).toBeUndefined();
    engine.keys?.forget([person(id)]);
    expect(await engine.log.read(0, 10)).toMatchObject([{ data: { name: 'Ada Lovelace' } }]);
  });
});
