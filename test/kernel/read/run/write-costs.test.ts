import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { foldBatch, planBatch } from '../../../../src/kernel/read/fold/fold-batch.ts';
import { WriteCosts } from '../../../../src/kernel/read/run/write-costs.ts';
import {
  Counter,
  CounterOpened,
  counterDomain,
  counters,
  countersTable,
  openCounter,
} from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openEngine = useEngine(database, [counterDomain]);

/** A batch of events that each open a counter with a label of some length, as a read model has written it. */
function batchOf(events: readonly (readonly [by: string, length: number])[], projection: Projection = counters) {
  const recorded = events.map(([by, length], nth) => ({
    ...CounterOpened({ label: 'x'.repeat(length) }),
    ...{ eventId: randomUUID(), streamType: Counter.name, streamId: randomUUID(), commandId: randomUUID() },
    ...{ position: nth + 1, version: 1, summary: '', occurredAt: new Date(0), recordedAt: new Date(0) },
    metadata: { actor: { id: by, roles: [] }, correlationId: randomUUID() },
  }));
  const plan = planBatch(projection, recorded);
  return { events: recorded, steps: plan.steps, writes: foldBatch(projection, plan, []) };
}

it('a caller costs what their events usually take the read model that takes longest', () => {
  const costs = new WriteCosts();
  expect(costs.of('ann')).toBe(0);
  for (let n = 0; n < 20; n++) {
    costs.add('notes', batchOf([['ann', 9]]), 40);
    costs.add(
      'audit',
      batchOf([
        ['ann', 9],
        ['bob', 9],
      ]),
      4,
    );
  }
  expect([costs.of('ann'), costs.of('bob')]).toEqual([40, 2]);
});

it('a caller is charged for the bytes of the rows that their own events change, whoever is in the same batch', () => {
  const costs = new WriteCosts();
  costs.add(
    'notes',
    batchOf([
      ['ann', 500_000],
      ['bob', 10],
      ['cid', 10],
      ['bob', 10],
    ]),
    100,
  );
  expect(costs.of('ann')).toBeGreaterThan(95);
  expect(costs.of('bob')).toBeLessThan(1);
  expect(costs.of('ann') + 2 * costs.of('bob') + costs.of('cid')).toBeCloseTo(100);
});

it('whoever changes a large row by a small event is charged for the row', () => {
  const costs = new WriteCosts();
  const { events, ...written } = batchOf([
    ['ann', 500_000],
    ['bob', 10],
  ]);
  const [large, small] = events as [(typeof events)[0], (typeof events)[0]];
  const row = { row: { id: large.streamId, label: 'x'.repeat(500_000) }, lastPosition: small.position };
  // Both have changed the row of the first event. The engine knows of the second one only that it was the last: it found the row by a value.
  const stored = { ...row, staleSince: null, validFrom: null, keptIn: null };
  const writes = { ...written.writes, upserts: new Map([[large.streamId, stored]]), keys: new Set([large.streamId]) };
  costs.add('notes', { events, steps: written.steps.slice(0, 1), writes }, 100);
  expect([costs.of('ann'), costs.of('bob')]).toEqual([50, 50]);
});

it('all are charged alike if nothing tells who has changed what', () => {
  const costs = new WriteCosts();
  const { events, writes } = batchOf([
    ['ann', 10],
    ['bob', 10],
    ['bob', 10],
    ['cid', 10],
  ]);
  costs.add('notes', { events, steps: [], writes: { ...writes, upserts: new Map(), keys: new Set(['gone']) } }, 100);
  expect(['ann', 'bob', 'cid'].map((caller) => costs.of(caller))).toEqual([25, 25, 25]);
});

it('callers who are not signed in are known by their addresses, although the log does not have them', async () => {
  const { bus, projector } = await openEngine({ start: true });
  await bus.execute(openCounter, { label: 'one' }, { actor: null, address: '203.0.113.7' });
  await until(() => projector.costs.of('anonymous:203.0.113.7') > 0);
  expect(projector.costs.of('anonymous:203.0.113.8')).toBe(0);
  expect(projector.costs.of('anonymous')).toBe(0);
});
