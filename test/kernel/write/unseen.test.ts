import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Actor } from '../../../src/kernel/define/access/actor.ts';
import { defineAggregate, unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../../src/kernel/define/command.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const Written = defineEvent('Written', { data: z.object({ owner: z.string() }) });
const Read = defineEvent('Read', { data: z.object({}) });

/** A diary whose author did not say who may know of it. */
const Diary = defineAggregate('Diary', {
  initialState: () => ({ owner: '' }),
  events: { Written, Read },
  evolve: { Written: (_, { data }) => data, Read: unchanged },
});
const writeDiary = defineCommand('writeDiary', {
  aggregate: Diary,
  creates: true,
  input: z.object({ id: z.guid().nullish(), owner: z.string() }),
  id: ({ id }) => id,
  allow: { system: true, customer: (actor, { owner }) => owner === actor.id },
  decide: ({ owner }, input) => (owner === '' ? Written({ owner: input.owner }) : reject('WRITTEN', 'It was written.')),
});
const readDiary = defineCommand('readDiary', {
  aggregate: Diary,
  input: z.object({ id: z.guid() }),
  id: ({ id }) => id,
  allow: { system: true, customer: (actor, _, { owner }) => owner === actor.id },
  decide: () => Read({}),
});
const domain = defineDomain({
  name: 'diaries',
  aggregates: [Diary],
  commands: [writeDiary, readDiary],
  projections: [],
  graphql: undefined,
});

const database = useDatabase({ per: 'emptied' });
const engine = useEngine(database, [domain]);
const bob: Actor = { id: 'bob', roles: ['customer'], claims: {} };

describe('an aggregate whose author did not say who may know of it', () => {
  it('is answered as missing to an actor whom a rule excludes, at whatever version they expect', async () => {
    const { bus } = await engine();
    const { aggregateId: id } = receiptOf(await bus.execute(writeDiary, { owner: 'ann' }, system));
    for (const expectedVersion of [undefined, 0, 1, 2]) {
      const absent = randomUUID();
      expect(await bus.execute(readDiary, { id: absent }, { actor: bob, expectedVersion })).toEqual({
        kind: 'notFound',
        aggregate: 'Diary',
        aggregateId: absent,
      });
      expect(await bus.execute(readDiary, { id }, { actor: bob, expectedVersion })).toEqual({
        kind: 'notFound',
        aggregate: 'Diary',
        aggregateId: id,
      });
    }
  });

  it('is visible to an actor whose role alone permits it', async () => {
    const { bus } = await engine();
    const { aggregateId: id } = receiptOf(await bus.execute(writeDiary, { owner: 'ann' }, system));
    expect(await bus.execute(writeDiary, { id, owner: 'ann' }, system)).toMatchObject({ code: 'WRITTEN' });
    const stale = await bus.execute(readDiary, { id }, { ...system, expectedVersion: 7 });
    expect(stale).toEqual({ kind: 'conflict', expectedVersion: 7, actualVersion: 1 });
  });

  it('tells no version to who would create one of its id, also if another instance has just made it', async () => {
    const [one, two] = await Promise.all([engine(), engine()]);
    const id = randomUUID();
    // The second believes that the id is free until the log says otherwise.
    receiptOf(await one.bus.execute(writeDiary, { id, owner: 'ann' }, system));
    for (const expectedVersion of [0, undefined]) {
      const answer = await two.bus.execute(writeDiary, { id, owner: 'bob' }, { actor: bob, expectedVersion });
      expect(answer).toMatchObject({ kind: 'rejected', code: 'ID_TAKEN' });
    }
    const answer = await two.bus.execute(writeDiary, { id, owner: 'bob' }, { actor: bob, expectedVersion: 1 });
    expect(answer).toEqual({ kind: 'conflict', expectedVersion: 1, actualVersion: 0 });
  });

  it('whose id is one of the application’s own is answered as a free id of that form', async () => {
    const { bus } = await engine();
    const [taken, free] = ['0', '1'].map((digit) => `00000000-0000-8000-f000-00000000000${digit}`) as [string, string];
    receiptOf(await bus.execute(writeDiary, { id: taken, owner: 'ann' }, { ...system, idsFrom: 'engine' }));
    const ask = async (id: string) => {
      const answer = await bus.execute(writeDiary, { id, owner: 'bob' }, { actor: bob });
      return JSON.parse(JSON.stringify(answer).replaceAll(id, '<id>'));
    };
    expect(await ask(taken)).toEqual(await ask(free));
  });
});
