import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SigningOptions } from '../../../src/kernel/audit/engine-audit.ts';
import type { HeadWitness } from '../../../src/kernel/audit/heads/witness.ts';
import { openWitness } from '../../../src/server/audit/witnesses.ts';
import { anAppend } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { forge, hashedAgainFrom, newSigningKey } from '../../support/kernel/forging.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const openEngine = useEngine(database, [counterDomain]);
const key = newSigningKey();
let taken: number[];
let witness: HeadWitness;
let folder: string;

beforeEach(async () => {
  taken = [];
  witness = { id: 'a witness', take: async ({ position }) => void taken.push(position) };
  folder = await mkdtemp(join(tmpdir(), 'witness-'));
});
afterEach(() => rm(folder, { recursive: true }));

const open = (parts: Partial<SigningOptions> = {}) =>
  openEngine({ start: true, signing: { key, intervalMs: 20, witness, ...parts } });

async function appendAndSign(engine: TestEngine, position: number): Promise<void> {
  await engine.log.append([anAppend({ streamId: randomUUID() })]);
  await until(async () => (await lines()).length === position);
}

/** The heads of the log as a witness gets them. */
async function lines(): Promise<string[]> {
  const heads = await database.sql<{ line: string }[]>`
    select '{"head":' || text || ',"signature":"' || signature || '"}' as line from es.heads order by position`;
  return heads.map(({ line }) => line);
}

/** Signs heads of the positions up to `last`, each event alone. No witness gets them. */
async function signAlone(first: number, last: number): Promise<void> {
  const engine = await open({ witness: undefined });
  for (let position = first; position <= last; position++) await appendAndSign(engine, position);
  await engine.close();
}

/** From now on the owner of the database has a column of es.signer at this value, whatever a server writes. */
const keepAt = (column: string, value: string) =>
  database.sql.unsafe(`
    create function es.keep() returns trigger language plpgsql as $$ begin new.${column} := ${value}; return new; end $$;
    create trigger keep before insert or update on es.signer for each row execute function es.keep();
    update es.signer set id = id;`);

async function signer() {
  const [row] = await database.sql<{ witness: string; witnessed: number; receipt: string | null }[]>`
    select witness, witnessed::int, receipt from es.signer`;
  return row;
}

describe('the owner of the database keeps no new head from a witness', () => {
  it('who says each time that another witness has the heads', async () => {
    const engine = await open();
    await appendAndSign(engine, 1);
    await until(() => taken.length === 1);
    await keepAt('witness', "'another'");
    for (let position = 2; position <= 4; position++) {
      await appendAndSign(engine, position);
      await until(() => taken.includes(position));
    }
    await engine.close();
    expect(engine.audit.signing?.unwitnessed).toBe(0);
    expect(taken).toEqual([1, 2, 3, 4]);
  });

  it('who puts an old receipt back each time, which holds only for heads that were given since a restart', async () => {
    const engine = await open();
    await appendAndSign(engine, 1);
    await until(async () => (await signer())?.receipt?.startsWith('1 ') === true);
    await keepAt('receipt', `'${(await signer())?.receipt}'`);
    await appendAndSign(engine, 2);
    await appendAndSign(engine, 3);
    await until(() => taken.includes(3));
    expect(taken).toEqual([1, 2, 3]);
    await engine.close();
    const restarted = await open();
    await appendAndSign(restarted, 4);
    await until(() => taken.includes(4));
    await appendAndSign(restarted, 5);
    await until(() => taken.includes(5));
    expect(taken).toEqual([1, 2, 3, 2, 3, 4, 5]);
  });

  it('who puts an old receipt back once: the next turn has the right one again', async () => {
    const engine = await open();
    await appendAndSign(engine, 1);
    await until(async () => (await signer())?.receipt?.startsWith('1 ') === true);
    const old = await signer();
    await appendAndSign(engine, 2);
    await until(async () => (await signer())?.receipt?.startsWith('2 ') === true);
    const right = await signer();
    await database.sql`update es.signer set receipt = ${old?.receipt ?? null}, witnessed = 1`;
    await until(async () => (await signer())?.receipt === right?.receipt);
    expect(await signer()).toEqual(right);
    expect(taken).toEqual([1, 2]);
  });
});

describe('heads from before a witness was known', () => {
  it('are given as one, the newest, which covers them', async () => {
    await signAlone(1, 3);
    const engine = await open();
    await until(() => taken.length === 1);
    await appendAndSign(engine, 4);
    await until(() => taken.length === 2);
    expect(taken).toEqual([3, 4]);
    await engine.close();
    expect(await signer()).toMatchObject({ witness: 'a witness', witnessed: 4 });
  });

  it('are counted as the one that the witness lacks, and those that are signed while it is away are counted too', async () => {
    await signAlone(1, 3);
    let isAway = true;
    const away: HeadWitness = {
      id: 'a witness',
      take: async (head, signal) => {
        if (isAway) throw new Error('The witness is away.');
        await witness.take(head, signal);
      },
    };
    const engine = await open({ witness: away });
    await until(() => engine.audit.signing?.unwitnessed === 1);
    await appendAndSign(engine, 4);
    await until(() => engine.audit.signing?.unwitnessed === 2);
    isAway = false;
    await until(() => taken.length === 2);
    expect(taken).toEqual([3, 4]);
  });

  it('are not given again after an update from a release without receipts', async () => {
    await signAlone(1, 3);
    await database.sql`update es.signer set witness = 'a witness', witnessed = 3, receipt = null`;
    const engine = await open();
    await until(async () => (await signer())?.receipt?.startsWith('3 ') === true);
    expect(taken).toEqual([3]);
    expect(engine.faults).toEqual([]);
  });
});

describe('a file as witness knows itself how far it is', () => {
  const path = () => join(folder, 'heads.ndjson');
  const file = () => openWitness(pathToFileURL(path()).href);

  it('so it gets exactly what it lacks without a receipt', async () => {
    await signAlone(1, 4);
    await writeFile(path(), `${(await lines()).slice(0, 2).join('\n')}\n`);
    const engine = await open({ witness: file() });
    await engine.close();
    expect(await readFile(path(), 'utf8')).toBe(`${(await lines()).join('\n')}\n`);
    expect(engine.faults).toEqual([]);
  });

  it('and has its receipt again though there is nothing to give', async () => {
    await signAlone(1, 2);
    await writeFile(path(), `${(await lines()).join('\n')}\n`);
    await open({ witness: file() });
    await until(async () => (await signer())?.receipt?.startsWith('2 ') === true);
    expect(await readFile(path(), 'utf8')).toBe(`${(await lines()).join('\n')}\n`);
  });

  it('and refuses a history that was written anew up to the same position', async () => {
    await signAlone(1, 2);
    const before = `${(await lines()).join('\n')}\n`;
    await writeFile(path(), before);
    await forge(
      database,
      `update es.events set data = '{"by": 7}' where position = 2; ${hashedAgainFrom(2)} delete from es.heads where position > 1;`,
    );
    const engine = await open({ witness: file() });
    await until(() => engine.faults.length > 0);
    expect(engine.faults[0]).toMatchObject({ error: { message: expect.stringContaining('that it does not have') } });
    expect(await readFile(path(), 'utf8')).toBe(before);
  });
});
