import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { exportLog } from '../../../src/kernel/audit/export-log.ts';
import type { SigningKey } from '../../../src/kernel/audit/heads/next-head.ts';
import { proveEvent } from '../../../src/kernel/audit/prove-event.ts';
import { proofLine, verifyProof } from '../../../src/kernel/proof/inclusion-proof.ts';
import { anAppend, incremented } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { forge, newSigningKey, signHeadNow } from '../../support/kernel/forging.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { verdictOn } from '../proof/both-verifiers.ts';

const database = useDatabase({ tables: [countersTable] });
const openEngine = useEngine(database, [counterDomain]);
const { signal } = new AbortController();

let engine: TestEngine;
let key: SigningKey;

/** A log of 20 events, with heads at 5, 6 and 15. */
beforeEach(async () => {
  engine = await openEngine();
  key = newSigningKey();
  for (const count of [5, 1, 9]) {
    await append(count);
    await signHeadNow(engine.database.owner.db, key);
  }
  await append(5);
});

async function append(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await engine.log.append([anAppend({ streamId: randomUUID(), events: [incremented(n)] })]);
  }
}

async function exported(from: number, to: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of exportLog(engine.database.owner.db, { from, to, signal })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const verdictOfRange = async (from: number, to: number) =>
  verdictOn(await exported(from, to), [...key.publicKeys.values()]);
const prove = (position: number) => proveEvent(engine.database.owner.db, position, signal);

describe('an export of the log', () => {
  it('is verified offline, with what it proves and what it does not', async () => {
    expect(await verdictOfRange(1, 20)).toEqual({
      isProved: true,
      fault: undefined,
      proved: 15,
      followed: 20,
      heads: [5, 15],
    });
  });

  it('proves every range that ends before the last head', async () => {
    for (let from = 1; from <= 15; from++) {
      for (let to = from; to <= 15; to++) {
        const verdict = await verdictOfRange(from, to);
        expect(verdict, `${from} to ${to}`).toMatchObject({ isProved: true, proved: to });
      }
    }
  });

  it('is JSON on every line, with the data of each event', async () => {
    const text = (await exported(1, 20)).toString();
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event);
    expect(events.map(({ event }) => event.position)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    const stored = await database.sql`select type, data from es.events order by position`;
    expect(events.map(({ event: { type, data } }) => ({ type, data }))).toEqual([...stored]);
  });

  it('of a log that a superuser has changed is found out', async () => {
    await forge(database, `update es.events set data = data || '{"by": 99}' where position = 12`);
    expect(await verdictOfRange(1, 20)).toMatchObject({ isProved: false, fault: [12, 12], proved: 6 });
  });

  it('of a log whose last events were deleted is found out if a head has signed them', async () => {
    await forge(database, 'delete from es.events where position > 13');
    expect(await verdictOfRange(1, 13)).toMatchObject({ isProved: false, fault: [14, 14], proved: 6 });
  });

  it('of a log without heads, or without events, proves nothing', async () => {
    await forge(database, 'delete from es.heads');
    expect(await verdictOfRange(1, 20)).toMatchObject({ isProved: false, fault: undefined, followed: 20 });
    await forge(database, 'delete from es.events');
    expect(await verdictOfRange(1, 0)).toMatchObject({ isProved: false, fault: undefined, followed: 0 });
  });
});

describe('the proof of an event', () => {
  it('is verified offline, for each event that a head covers, against the first head that does', async () => {
    for (let position = 1; position <= 15; position++) {
      const proof = await prove(position);
      const proved = verifyProof(Buffer.from(proofLine(proof as NonNullable<typeof proof>)), key.publicKeys);
      const head = [5, 6, 15].find((at) => at >= position);
      expect(proved).toMatchObject({ position, head: { position: head } });
      expect(JSON.parse(proved.content)).toMatchObject({ position, type: 'CounterIncremented' });
    }
  });

  it('does not exist before a head covers the event', async () => {
    expect(await prove(16)).toBeUndefined();
    expect(await prove(99)).toBeUndefined();
  });

  it('is not made of a log that is not what was signed', async () => {
    await forge(database, `update es.events set metadata = '{}' where position = 8`);
    await expect(prove(10)).rejects.toThrow('are not what was signed');
    expect(await prove(4)).toBeDefined();
  });
});

describe('a head in the database that was damaged', () => {
  it.each([
    ['peaks', `peaks = ''`],
    ['peaks, in number as before', `peaks = decode(repeat('00', octet_length(peaks)), 'hex')`],
    ['text', `text = '{}'`],
  ])('does not keep later events from being exported and proved: its %s', async (_, statement) => {
    await forge(database, `update es.heads set ${statement} where position = 6`);
    const { path } = (await prove(10)) ?? {};
    expect(path).toHaveLength(4);
    const text = (await exported(7, 15)).toString();
    const { peaks } = JSON.parse(text.slice(0, text.indexOf('\n')));
    expect(peaks).toHaveLength(2);
    if (!statement.startsWith('text'))
      expect(await verdictOfRange(7, 15)).toMatchObject({ isProved: true, proved: 15 });
  });
});
