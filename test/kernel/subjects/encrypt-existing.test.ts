import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditLog } from '../../../src/kernel/audit/audit-log.ts';
import { exportLog } from '../../../src/kernel/audit/export-log.ts';
import type { SigningKey } from '../../../src/kernel/audit/heads/next-head.ts';
import { proveEvent } from '../../../src/kernel/audit/prove-event.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { type InclusionProof, ProofError, proofLine, verifyProof } from '../../../src/kernel/proof/inclusion-proof.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { forge, newSigningKey, signHeadNow } from '../../support/kernel/forging.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { peopleDomain, person, registerPerson, renamePerson, visitPerson } from '../privacy/people.ts';
import { verdictOn } from '../proof/both-verifiers.ts';

const database = useDatabase();
const openEngine = useEngine(database, [peopleDomain]);
const { signal } = new AbortController();
const NAME = 'Ada Lovelace';
const STREET = 'St James Square';
/** Events of each person: registered, renamed, visited twice. */
const EACH = 4;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
});
afterAll(() => rm(folder, { recursive: true }));

let keyring: FileKeyring;
let key: SigningKey;
let people: string[];

/** A signed log of two people that was written without a keyring. */
beforeEach(async () => {
  keyring = await FileKeyring.create(join(folder, randomUUID()));
  key = newSigningKey();
  const plain = await openEngine({ start: true });
  people = [];
  for (const name of [NAME, `${NAME} the younger`]) {
    const id = randomUUID();
    people.push(id);
    receiptOf(await plain.bus.execute(registerPerson, { id, name, street: STREET }, system));
    receiptOf(await plain.bus.execute(renamePerson, { id, name: `${name} King` }, system));
    receiptOf(await plain.bus.execute(visitPerson, { id, times: 2 }, system));
  }
  await signHeadNow(plain.database.owner.db, key);
});

const decoded = async ({ log }: Pick<TestEngine, 'log'>) =>
  (await log.read(0, people.length * EACH)).map(({ subject: _, ...event }) => event);
const storedText = async () =>
  JSON.stringify(await database.sql`select data, command_fingerprint from es.events`) +
  JSON.stringify(await database.sql`select state from es.snapshots`);
const audit = ({ database: { owner } }: TestEngine, options = {}) =>
  auditLog(owner.db, { keys: key.publicKeys, signal, ...options });

async function verdict({ database: { owner } }: TestEngine, from = 1, to?: number) {
  const [row] = await database.sql<{ end: number }[]>`select max(position)::int as end from es.events`;
  const chunks: Buffer[] = [];
  for await (const chunk of exportLog(owner.db, { from, to: to ?? row?.end ?? 0, signal })) chunks.push(chunk);
  return verdictOn(Buffer.concat(chunks), [...key.publicKeys.values()]);
}

const plainEvents = async () => {
  const [row] = await database.sql<{ count: number }[]>`
    select count(*)::int as count from es.events where not data ? '$personal' and stream_type = 'Person'`;
  return row?.count;
};

async function encrypted(): Promise<TestEngine> {
  const engine = await openEngine({ keyring, start: true });
  await engine.subjects.encryptExisting();
  return engine;
}

async function encryptedAndSigned(): Promise<TestEngine> {
  const engine = await encrypted();
  await signHeadNow(engine.database.owner.db, key);
  return engine;
}

describe('encrypting events that were stored before there was a keyring', () => {
  it('leaves no personal value in the log, and every event as it was to its readers', async () => {
    const engine = await openEngine({ keyring, start: true });
    const before = await decoded(engine);
    expect(await storedText()).toContain(NAME);
    expect(await engine.subjects.encryptExisting()).toMatchObject({ encrypted: 2 * EACH, left: [] });
    const text = await storedText();
    for (const value of [NAME, STREET, 'sings']) expect(text).not.toContain(value);
    expect(await decoded(engine)).toEqual(before);
    expect(await decoded(await openEngine({ keyring, start: true }))).toEqual(before);
  });

  it('makes them erasable', async () => {
    const engine = await encrypted();
    const [erased = '', other = ''] = people;
    await engine.subjects.erase({ subject: person(erased), reason: 'Asked for it.', actor: system.actor });
    const after = await decoded(await openEngine({ keyring, start: true }));
    expect(after.find(({ streamId }) => streamId === erased)?.data).toMatchObject({ name: '[erased]' });
    expect(after.find(({ streamId }) => streamId === other)?.data).toMatchObject({
      name: `${NAME} the younger`,
    });
  });

  it('does nothing the second time', async () => {
    const engine = await encrypted();
    const end = await engine.log.head();
    expect(await engine.subjects.encryptExisting()).toMatchObject({ encrypted: 0 });
    expect(await engine.log.head()).toEqual(end);
  });

  it('goes on where it was interrupted', async () => {
    const engine = await openEngine({ keyring, start: true });
    const before = await decoded(engine);
    // More than one batch.
    receiptOf(await engine.bus.execute(visitPerson, { id: people[0] ?? '', times: 300 }, system));
    await forge(database, `update es.events set data = data - '$personal'`);
    const stopping = new AbortController();
    const stopped = engine.subjects.encryptExisting({ signal: stopping.signal, onProgress: () => stopping.abort() });
    await expect(stopped).rejects.toThrow();
    expect(await plainEvents()).toBe(2 * EACH + 300 - 200);
    await engine.subjects.encryptExisting();
    expect(await storedText()).not.toContain(NAME);
    expect(await decoded(engine)).toEqual(before);
    expect(await plainEvents()).toBe(0);
  });

  it('answers a command of before that is repeated as it did then', async () => {
    const plain = await openEngine({ start: true });
    const id = randomUUID();
    const commandId = randomUUID();
    const input = { id, name: NAME, street: STREET };
    const first = receiptOf(await plain.bus.execute(registerPerson, input, { ...system, commandId }));
    const engine = await encrypted();
    const again = receiptOf(await engine.bus.execute(registerPerson, input, { ...system, commandId }));
    expect(again).toMatchObject({ replayed: true, position: first.position });
  });

  it('has the read models made again without people who were erased before, also if it was interrupted', async () => {
    const engine = await openEngine({ keyring, start: true });
    const [erased = '', other = ''] = people;
    await engine.subjects.erase({ subject: person(erased), reason: 'Asked for it.', actor: system.actor });
    // More than one batch.
    receiptOf(await engine.bus.execute(visitPerson, { id: other, times: 300 }, system));
    await forge(database, `update es.events set data = data - '$personal' where stream_type = 'Person'`);
    const erasures = () => database.sql`
      select from es.events where type = 'SubjectErased' and data->>'subject' = ${person(erased)}`;
    const stopping = new AbortController();
    const stopped = engine.subjects.encryptExisting({ signal: stopping.signal, onProgress: () => stopping.abort() });
    await expect(stopped).rejects.toThrow();
    expect(await erasures()).toHaveLength(1);
    await engine.subjects.encryptExisting();
    expect(await erasures()).toHaveLength(2);
    await engine.subjects.encryptExisting();
    expect(await erasures()).toHaveLength(2);
  });

  it('masks the events of people who were erased before', async () => {
    const [erased = ''] = people;
    await keyring.erase(person(erased));
    const engine = await encrypted();
    const after = await decoded(engine);
    expect(after.find(({ streamId }) => streamId === erased)?.data).toMatchObject({ name: '[erased]' });
  });
});

describe('the proof of a log with events that were encrypted later', () => {
  it('holds, and says which events they are', async () => {
    const engine = await encryptedAndSigned();
    expect(await audit(engine)).toMatchObject({ fault: undefined, encrypted: 2 * EACH, uncertified: 0, heads: 2 });
    const all = { isProved: true, fault: undefined, proved: 2 * EACH + 1, encrypted: [2 * EACH, 0] };
    expect(await verdict(engine)).toMatchObject(all);
    expect(await verdict(engine, 3)).toMatchObject({ ...all, encrypted: [2 * EACH - 2, 0] });
    expect(await audit(engine, { from: EACH })).toMatchObject({ fault: undefined, uncertified: 0 });
  });

  it('proves a single event with the one that certifies it, and no other content', async () => {
    const engine = await encryptedAndSigned();
    const proof = (await proveEvent(engine.database.owner.db, 2, signal)) as InclusionProof;
    const line = proofLine(proof);
    expect(verifyProof(Buffer.from(line), key.publicKeys)).toMatchObject({
      position: 2,
      head: { position: 2 * EACH },
      certificate: { position: 2 * EACH + 1 },
    });
    const other = (await proveEvent(engine.database.owner.db, 2 * EACH + 1, signal)) as InclusionProof;
    for (const forged of [
      line.replace('PersonRenamed', 'PersonVisited'),
      line.split('\n')[0] ?? '',
      line.replace(/"formerLeaf":"\w+",/, ''),
      `${proofLine(other)}\n${proofLine(other)}`,
    ]) {
      expect(() => verifyProof(Buffer.from(forged), key.publicKeys)).toThrow(ProofError);
    }
  });

  it('waits for a head that signs the certificate', async () => {
    const engine = await encrypted();
    expect(await audit(engine)).toMatchObject({ fault: undefined, encrypted: 0, uncertified: 2 * EACH });
    expect(await proveEvent(engine.database.owner.db, 2, signal)).toBeUndefined();
    expect(await verdict(engine)).toMatchObject({ isProved: false, fault: undefined, encrypted: [0, 2 * EACH] });
    await signHeadNow(engine.database.owner.db, key);
    expect(await verdict(engine, 1, 3)).toMatchObject({ isProved: false, encrypted: [0, 3] });
  });

  it.each([
    {
      what: 'an event whose encrypted content was altered',
      statements: `update es.events set data = data || '{"newsletter": false}' where position = 5`,
      fault: [1, 8],
    },
    {
      what: 'a rewrite that was undone',
      statements: 'delete from es.rewrites where position = 2',
      fault: [2, 2],
    },
    {
      what: 'another leaf in the place of the first',
      statements: `update es.rewrites set former_leaf = sha256('x') where position = 2`,
      fault: [2, 2],
    },
    {
      what: 'a certificate that was altered',
      statements: `update es.events set data = data || '{"positions": [1]}' where position = 9`,
      fault: [9, 9],
    },
  ])('finds $what', async ({ statements, fault }) => {
    const engine = await encryptedAndSigned();
    await forge(database, statements);
    expect((await audit(engine)).fault).toMatchObject({ from: fault[0], to: fault[1] });
    expect(await verdict(engine)).toMatchObject({ isProved: false, fault });
  });

  it.each([
    { what: 'nothing', certificate: 'gen_random_uuid()' },
    { what: 'an older certificate', certificate: '(select certificate from es.rewrites limit 1)' },
  ])('finds an event that was altered and claims to be encrypted, by $what', async ({ certificate }) => {
    const engine = await encryptedAndSigned();
    receiptOf(await engine.bus.execute(visitPerson, { id: people[0] ?? '', times: 1 }, system));
    await signHeadNow(engine.database.owner.db, key);
    const at = 2 * EACH + 2;
    await forge(
      database,
      `insert into es.rewrites select position, es.event_leaf(e), ${certificate} from es.events e where position = ${at};
       update es.events set data = data || '{"times": 9}' where position = ${at}`,
    );
    expect(await audit(engine)).toMatchObject({ uncertified: 1 });
    expect(await verdict(engine)).toMatchObject({ isProved: false, encrypted: [2 * EACH, 1] });
  });
});

describe('the one allowed rewrite', () => {
  const rewriting = (statement: string) =>
    database.sql.begin(async (tx) => {
      await tx`select set_config('afterwrite.rewrite', ${randomUUID()}, true)`;
      await tx.unsafe(statement);
    });

  it.each([
    [
      'outside of it',
      `select set_config('afterwrite.rewrite', '', true); update es.events set data = '{"$personal": {}}'`,
    ],
    ['of anything but data', `update es.events set data = '{"$personal": {}}', metadata = '{}'`],
    ['into plain data', `update es.events set data = '{"name": "Byron"}'`],
    ['by deleting', 'delete from es.events'],
  ])('refuses a change %s', async (_, statement) => {
    await openEngine({ start: true });
    await expect(rewriting(statement)).rejects.toThrow('append-only');
  });

  it('refuses to rewrite an event a second time', async () => {
    await encrypted();
    await expect(rewriting(`update es.events set data = '{"$personal": {}}' where position = 1`)).rejects.toThrow(
      'append-only',
    );
  });
});
