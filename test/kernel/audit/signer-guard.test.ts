import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SigningOptions } from '../../../src/kernel/audit/engine-audit.ts';
import { SignerLease } from '../../../src/kernel/audit/heads/head-store.ts';
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

beforeEach(() => {
  taken = [];
  witness = { id: 'a witness', take: async ({ position }) => void taken.push(position) };
});

const open = (parts: Partial<SigningOptions> = {}) =>
  openEngine({ start: true, signing: { key, intervalMs: 20, witness, ...parts } });

const appendOne = (engine: TestEngine) => engine.log.append([anAppend({ streamId: randomUUID() })]);

async function lastPosition(): Promise<number> {
  const [row] = await database.sql<{ last: number }[]>`select coalesce(max(position), 0)::int as last from es.heads`;
  return row?.last ?? 0;
}

async function appendAndSign(engine: TestEngine, position: number): Promise<void> {
  await appendOne(engine);
  await until(async () => (await lastPosition()) === position);
}

/** Signs three heads, of which a witness takes the first. */
async function signWhileAway(id: string): Promise<void> {
  const take: HeadWitness['take'] = async ({ position }) => {
    if (position > 1) throw new Error('The witness is away.');
  };
  const engine = await open({ witness: { id, take } });
  for (let position = 1; position <= 3; position++) await appendAndSign(engine, position);
  await engine.close();
}

const faultOf = (message: RegExp) =>
  expect.objectContaining({ error: expect.objectContaining({ message: expect.stringMatching(message) }) });

describe('a server that signs', () => {
  it('does not sign a history that was written anew together with its heads', async () => {
    const engine = await open();
    await appendAndSign(engine, 1);
    await appendAndSign(engine, 2);
    await forge(
      database,
      `update es.events set data = '{"by": 7}' where position = 2; ${hashedAgainFrom(2)} delete from es.heads where position > 1;`,
    );
    await appendOne(engine);
    // A turn that had begun before reports that it could not store its head.
    const removed = faultOf(/^the head of position 2 is not in es.heads any more/);
    await until(() => engine.faults.some((fault) => removed.asymmetricMatch(fault)));
    await engine.close();
    expect(await lastPosition()).toBe(1);
  });

  it('that has no memory of it is found out by a file as witness', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'witness-'));
    try {
      const path = join(folder, 'heads.ndjson');
      const file = openWitness(pathToFileURL(path).href);
      const engine = await open({ witness: file });
      await appendAndSign(engine, 1);
      await appendAndSign(engine, 2);
      await engine.close();
      const before = await readFile(path, 'utf8');
      await forge(
        database,
        `update es.events set data = '{"by": 7}' where position = 2; ${hashedAgainFrom(2)} delete from es.heads where position > 1;`,
      );
      const restarted = await open({ witness: file, intervalMs: 3_600_000 });
      await appendOne(restarted);
      await restarted.close();
      const next = await open({ witness: file });
      const anew = faultOf(/does not follow it|that it does not have/);
      await until(() => next.faults.some((fault) => anew.asymmetricMatch(fault)));
      const unsigned = faultOf(/no server has signed that: es.signer or es.heads was altered/);
      expect([...restarted.faults, ...next.faults]).toContainEqual(unsigned);
      expect(await readFile(path, 'utf8')).toBe(before);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('gives the witness the next head although the database says that it has later ones', async () => {
    const engine = await open();
    await appendAndSign(engine, 1);
    await until(async () => (await database.sql`select 1 from es.signer where witnessed = 1`).length > 0);
    await database.sql`update es.signer set witnessed = 9000000000000000`;
    await appendAndSign(engine, 2);
    await until(() => taken.length === 2);
    expect(taken).toEqual([1, 2]);
    expect(engine.faults).toEqual([faultOf(/es.signer or es.heads was altered/)]);
  });

  it('gives the witness every head although the database says that it has the last one', async () => {
    let isAway = false;
    const away: HeadWitness = {
      id: 'a witness',
      take: async ({ position }) => {
        if (isAway) throw new Error('The witness is away.');
        taken.push(position);
      },
    };
    const engine = await open({ witness: away });
    await appendAndSign(engine, 1);
    await until(async () => (await database.sql`select 1 from es.signer where receipt is not null`).length > 0);
    isAway = true;
    await appendAndSign(engine, 2);
    await appendAndSign(engine, 3);
    await until(() => engine.audit.signing?.unwitnessed === 2);
    expect(engine.audit.signing).toMatchObject({ position: 3, failure: { message: 'The witness is away.' } });
    await database.sql`update es.signer set witnessed = 3`;
    isAway = false;
    await until(() => taken.length === 3 && engine.audit.signing?.unwitnessed === 0);
    expect(taken).toEqual([1, 2, 3]);
    expect(engine.audit.signing?.failure).toBeUndefined();
  });

  it.each([
    ['an old receipt', 'new.receipt := old.receipt'],
    ['that the witness has none', 'new.receipt := null; new.witnessed := 0'],
  ])('gives the witness each new head although the database says again and again: %s', async (_, change) => {
    const engine = await open();
    await appendAndSign(engine, 1);
    await until(async () => (await database.sql`select 1 from es.signer where receipt is not null`).length > 0);
    await database.sql.unsafe(`
      create function es.lie() returns trigger language plpgsql as $$ begin ${change}; return new; end $$;
      create trigger lie before update on es.signer for each row execute function es.lie()`);
    try {
      for (let position = 2; position <= 4; position++) await appendAndSign(engine, position);
      await until(() => taken.includes(4) && engine.audit.signing?.unwitnessed === 0);
      expect(taken).toEqual([1, 2, 3, 4]);
    } finally {
      await database.sql`drop function es.lie cascade`;
    }
  });

  it.each([
    ['of another head', "receipt = replace(receipt, '1 ', '2 ')"],
    ['of another witness', "receipt = '1 ' || repeat('A', 86) || '=='"],
  ])('reports a receipt %s, and gives the witness the newest head, which covers all', async (_, change) => {
    const engine = await open();
    await appendAndSign(engine, 1);
    await until(async () => (await database.sql`select 1 from es.signer where receipt is not null`).length > 0);
    await engine.close();
    taken = [];
    const unwitnessing = await open({ witness: undefined });
    await appendAndSign(unwitnessing, 2);
    await unwitnessing.close();
    await database.sql.unsafe(`update es.signer set witnessed = 2, ${change}`);
    const next = await open();
    await until(() => taken.length > 0);
    await next.close();
    expect(taken).toEqual([2]);
    expect(next.faults).toEqual([faultOf(/es.signer or es.heads was altered/)]);
  });

  it('goes on signing if the database says that another has the right for ever', async () => {
    const engine = await open();
    await appendAndSign(engine, 1);
    await database.sql`update es.signer set owner = gen_random_uuid(), lease_until = 'infinity'`;
    await appendAndSign(engine, 2);
  });

  it('signs new heads between those that it hands over', async () => {
    await signWhileAway('a slow witness');
    const engine = await open({
      intervalMs: 1,
      witness: {
        id: 'a slow witness',
        take: async ({ position }) => {
          if (position === 3) await until(async () => (await lastPosition()) === 4);
          if (position === 2) await appendOne(engine);
          taken.push(position);
        },
      },
    });
    await until(() => taken.length === 3);
    expect(taken).toEqual([2, 3, 4]);
  });

  it('hands over no further head after another server has taken the right', async () => {
    await signWhileAway('a witness during which the right is lost');
    const engine = await open({
      intervalMs: 3_600_000,
      witness: {
        id: 'a witness during which the right is lost',
        take: async ({ position }) => {
          taken.push(position);
          await database.sql`update es.signer set owner = gen_random_uuid(), lease_until = now() + interval '1 minute'`;
        },
      },
    });
    await until(() => taken.length > 0);
    await engine.close();
    expect(taken).toEqual([2]);
  });
});

describe('the right to sign', () => {
  it('outlasts the time between two turns', async () => {
    const { db } = (await openEngine()).database.owner;
    await new SignerLease(db, randomUUID(), 3_600_000).take();
    const [row] = await database.sql`select lease_until > now() + interval '1 hour' as is_longer from es.signer`;
    expect(row).toEqual({ is_longer: true });
  });
});
