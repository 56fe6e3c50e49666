import { describe, expect, it } from 'vitest';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { Fingerprints } from '../../../src/kernel/notify/fingerprints.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import {
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openEngine = useEngine(database, [counterDomain]);
const model = counters as unknown as Projection;

/** What any user of the database hears while a counter is changed and another instance listens. */
async function overheard(label: string): Promise<{ heard: string[]; counterId: string }> {
  const heard: string[] = [];
  const { bus, database: own } = await openEngine({ start: true });
  await database.sql.listen(own.wakeUp.channel, (payload) => heard.push(payload));
  await openEngine({ start: true });
  const { aggregateId: counterId } = receiptOf(await bus.execute(openCounter, { label }, system));
  await until(async () => {
    await bus.execute(incrementCounter, { counterId }, system);
    return heard.some((payload) => payload.includes('"former"'));
  });
  return { heard, counterId };
}

describe('what is told of former rows', () => {
  it('shows a listener none of their values, and other instances the fingerprints of all that lists can require', async () => {
    const { heard, counterId } = await overheard('ada@example.org');
    for (const payload of heard) expect(payload).not.toContain('ada@example.org');
    const { notificationKey } = (await openEngine()).database;
    const fingerprint = new Fingerprints(notificationKey as Buffer).of(model, 'label', 'ada@example.org');
    expect(heard.find((payload) => payload.includes(counterId) && payload.includes(fingerprint))).toBeDefined();
  });
});

describe('a fingerprint', () => {
  const fingerprints = new Fingerprints(Buffer.from('a secret'));

  it('is the same for the same value in the same column only', () => {
    const red = fingerprints.of(model, 'label', 'red');
    expect(fingerprints.of(model, 'label', 'red')).toBe(red);
    expect(fingerprints.of(model, 'label', 'green')).not.toBe(red);
    expect(fingerprints.of(model, 'owner', 'red')).not.toBe(red);
    expect(fingerprints.of({ ...model, name: 'others' }, 'label', 'red')).not.toBe(red);
    expect(new Fingerprints(Buffer.from('another secret')).of(model, 'label', 'red')).not.toBe(red);
  });

  it('does not depend on the case of a UUID', () => {
    const id = '0190a6f0-5b7c-7000-8000-00000000abcd';
    expect(fingerprints.of(model, 'id', id.toUpperCase())).toBe(fingerprints.of(model, 'id', id));
  });

  it('is made of short values that can be compared exactly', () => {
    const { rows } = fingerprints.ofRows(model, [{ label: 'x'.repeat(65), value: 1, closed: null, unknown: 'x' }]);
    expect(rows).toEqual([
      { value: fingerprints.of(model, 'value', 1), closed: fingerprints.of(model, 'closed', null) },
    ]);
  });
});
