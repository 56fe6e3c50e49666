import { randomUUID } from 'node:crypto';
import { v5 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../../src/kernel/define/command.ts';
import { derivedId } from '../../../src/kernel/define/derived-id.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { commandIdentity } from '../../../src/kernel/write/command-identity.ts';
import { anAppend, incremented, receiptOf } from '../../support/kernel/appends.ts';
import {
  Counter,
  counterDomain,
  customer,
  incrementCounter,
  openCounter,
  system,
} from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const ThingMade = defineEvent('ThingMade', { data: z.object({}) });
const LabelMade = defineEvent('LabelMade', { data: z.object({}) });
const MemberMade = defineEvent('MemberMade', { data: z.object({}) });
const evolve = () => ({ isMade: true });
const Thing = defineAggregate('Thing', {
  initialState: () => ({ isMade: false }),
  events: { ThingMade },
  evolve: { ThingMade: evolve },
});
/** Stands on a counter and has its id. */
const Label = defineAggregate('Label', {
  initialState: () => ({ isMade: false }),
  events: { LabelMade },
  evolve: { LabelMade: evolve },
  sharesIdsWith: ['Counter'],
});
/** Stands for an actor and has their id. */
const Member = defineAggregate('Member', {
  initialState: () => ({ isMade: false }),
  events: { MemberMade },
  evolve: { MemberMade: evolve },
  idsAreActors: true,
});
const input = z.object({ id: z.guid() });
const makeThing = defineCommand('makeThing', {
  aggregate: Thing,
  creates: true,
  input,
  id: ({ id }) => id,
  allow: 'everyone',
  decide: ({ isMade }) => (isMade ? reject('THING_EXISTS', 'It is there.') : ThingMade({})),
});
const makeLabel = defineCommand('makeLabel', {
  aggregate: Label,
  creates: true,
  input,
  id: ({ id }) => id,
  allow: 'everyone',
  decide: ({ isMade }) => (isMade ? reject('LABEL_EXISTS', 'It is there.') : LabelMade({})),
});
const makeMember = defineCommand('makeMember', {
  aggregate: Member,
  creates: true,
  input,
  id: ({ id }) => id,
  allow: 'everyone',
  decide: ({ isMade }) => (isMade ? reject('MEMBER_EXISTS', 'It is there.') : MemberMade({})),
});
const things = defineDomain({
  name: 'things',
  aggregates: [Thing, Label, Member],
  commands: [makeThing, makeLabel, makeMember],
  projections: [],
  graphql: undefined,
});

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }, things]);

const inUse = { kind: 'rejected', code: 'ID_TAKEN' };
const ann = { actor: customer('ann') };
const bob = { actor: customer('bob') };
const open = async ({ bus }: Pick<TestEngine, 'bus'>) =>
  receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;

describe('a command id', () => {
  it('of the form that the application derives is refused from clients', async () => {
    const { bus } = await openEngine();
    const commandId = derivedId('Delivery arrival', randomUUID());
    for (const written of [commandId, commandId.toUpperCase()]) {
      expect(await bus.execute(openCounter, { label: 'a' }, { ...ann, commandId: written })).toMatchObject({
        kind: 'invalid',
        issues: [{ path: ['commandId'], message: expect.stringContaining('reserved') }],
      });
    }
  });

  it('may otherwise have any version and variant', async () => {
    const { bus } = await openEngine();
    for (const commandId of [
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      '01234567-89ab-8def-8123-456789abcdef',
      '01234567-89ab-4def-f123-456789abcdef',
    ])
      receiptOf(await bus.execute(openCounter, { label: 'a' }, { ...ann, commandId }));
  });

  it('of the engine is its own, although a client guessed it and used it first', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const commandId = v5('Delivery arrival', counterId);
    receiptOf(await engine.bus.execute(incrementCounter, { counterId, by: 0 }, { ...ann, commandId }));
    const derived = { ...system, commandId, idsFrom: 'engine' } as const;
    const first = receiptOf(await engine.bus.execute(incrementCounter, { counterId, by: 2 }, derived));
    expect(first).toMatchObject({ version: 2, replayed: false });
    const again = receiptOf(await engine.bus.execute(incrementCounter, { counterId, by: 2 }, derived));
    expect(again).toEqual({ ...first, replayed: true });
  });

  it('of the engine is found as a replay if an earlier version stored it as it was derived', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const former = (by: number) =>
      commandIdentity('incrementCounter', { counterId, by, times: 1 }, SYSTEM.id, randomUUID()).formerFingerprint;
    const ids = [v5('react', counterId), v5('nothing', counterId)] as const;
    const metadata = { actor: SYSTEM, correlationId: 'before' };
    const stored = { streamId: counterId, expectedVersion: 1, metadata };
    await engine.log.append([
      anAppend({ ...stored, commandId: ids[0], fingerprint: former(2), events: [incremented(2)] }),
      anAppend({ ...stored, expectedVersion: 2, commandId: ids[1], fingerprint: former(0), events: [] }),
    ]);
    for (const [nth, by] of [2, 0].entries()) {
      const derived = { ...system, commandId: ids[nth], idsFrom: 'engine' } as const;
      const outcome = await engine.bus.execute(incrementCounter, { counterId, by }, derived);
      expect(receiptOf(outcome)).toMatchObject({ version: 2, replayed: true });
      expect(await engine.bus.execute(incrementCounter, { counterId, by: 9 }, derived)).toMatchObject({
        kind: 'reused',
      });
    }
    expect((await engine.log.head()).position).toBe(2);
  });
});

describe('the same command with the same id', () => {
  it('of another actor is not answered with the first one’s receipt', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const counterId = await open(one);
    for (const by of [0, 1]) {
      const commandId = randomUUID();
      const send = ({ bus }: TestEngine, options: typeof ann) =>
        bus.execute(incrementCounter, { counterId, by }, { ...options, commandId });
      const first = receiptOf(await send(one, ann));
      for (const server of [one, two]) {
        expect(await send(server, bob)).toEqual({ kind: 'reused', commandId });
        expect(receiptOf(await send(server, ann))).toEqual({ ...first, replayed: true });
      }
    }
  });

  it('is a replay although the actor’s roles have changed', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const commandId = randomUUID();
    const send = (roles: 'customer' | 'staff') =>
      engine.bus.execute(
        incrementCounter,
        { counterId },
        { actor: { id: 'ann', roles: [roles], claims: {} }, commandId },
      );
    const first = receiptOf(await send('customer'));
    expect(receiptOf(await send('staff'))).toEqual({ ...first, replayed: true });
  });

  it('is a replay for its actor alone if the log has a fingerprint without the actor', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const { formerFingerprint } = commandIdentity(
      'incrementCounter',
      { counterId, by: 1, times: 1 },
      'ann',
      randomUUID(),
    );
    const [something, nothing] = [randomUUID(), randomUUID()];
    const stored = {
      streamId: counterId,
      fingerprint: formerFingerprint,
      metadata: { actor: { id: 'ann', roles: ['customer'] }, correlationId: 'before' },
    };
    await engine.log.append([
      anAppend({ ...stored, expectedVersion: 1, commandId: something }),
      anAppend({ ...stored, expectedVersion: 2, commandId: nothing, events: [] }),
    ]);
    for (const commandId of [something, nothing]) {
      const send = (options: typeof ann) =>
        engine.bus.execute(incrementCounter, { counterId }, { ...options, commandId });
      expect(receiptOf(await send(ann))).toMatchObject({ version: 2, replayed: true });
      expect(await send(bob)).toEqual({ kind: 'reused', commandId });
      // Also if the command is looked up rather than appended.
      const late = { counterId, by: 1_000_001 };
      expect(await engine.bus.execute(incrementCounter, late, { ...ann, commandId })).toMatchObject({ kind: 'reused' });
    }
  });
});

describe('an aggregate’s id', () => {
  it('cannot be used for an aggregate of another type', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const id = await open(one);
    for (const { bus } of [one, two]) {
      expect(await bus.execute(makeThing, { id }, ann)).toMatchObject(inUse);
      expect(
        await bus.execute(makeThing, { id }, { ...ann, commandId: randomUUID(), expectedVersion: 0 }),
      ).toMatchObject(inUse);
    }
    receiptOf(await one.bus.execute(makeThing, { id: randomUUID() }, ann));
    expect(await one.log.append([anAppend({ streamId: id, streamType: 'Thing', expectedVersion: null })])).toEqual([
      { outcome: 'taken' },
    ]);
  });

  it('is given to one of two that ask for it at the same moment', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    for (const [first, second] of [
      [one, one],
      [one, two],
    ] as const) {
      for (let round = 0; round < 10; round++) {
        const id = randomUUID();
        const outcomes = await Promise.all([
          first.bus.execute(openCounter, { counterId: id, label: 'a' }, ann),
          second.bus.execute(makeThing, { id }, bob),
        ]);
        expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['accepted', 'rejected']);
        expect(outcomes.find(({ kind }) => kind === 'rejected')).toMatchObject(inUse);
      }
    }
  });

  it('can be that of an aggregate that says so, in either order', async () => {
    const { bus } = await openEngine();
    const counterId = await open({ bus });
    receiptOf(await bus.execute(makeLabel, { id: counterId }, ann));
    const id = randomUUID();
    receiptOf(await bus.execute(makeLabel, { id }, ann));
    receiptOf(await bus.execute(openCounter, { counterId: id, label: 'a' }, ann));
    expect(await bus.execute(makeThing, { id }, ann)).toMatchObject(inUse);
    const thing = receiptOf(await bus.execute(makeThing, { id: randomUUID() }, ann)).aggregateId;
    expect(await bus.execute(makeLabel, { id: thing }, ann)).toMatchObject(inUse);
  });

  it('of an actor cannot be taken before them, and is no other’s once they have it', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    for (const { bus } of [one, two]) {
      const id = randomUUID();
      receiptOf(await one.bus.execute(makeThing, { id }, bob));
      receiptOf(await bus.execute(makeMember, { id }, ann));
      const other = randomUUID();
      receiptOf(await one.bus.execute(makeMember, { id: other }, ann));
      expect(await bus.execute(makeThing, { id: other }, bob)).toMatchObject(inUse);
    }
  });

  it('that is shared may begin a second stream although an actor has it by then', async () => {
    const { bus } = await openEngine();
    const id = await open({ bus });
    receiptOf(await bus.execute(makeMember, { id }, ann));
    receiptOf(await bus.execute(makeLabel, { id }, ann));
  });

  it('that two aggregates have from before stays with both', async () => {
    const engine = await openEngine();
    const id = await open(engine);
    await database.sql`insert into es.streams values ('Thing', ${id}, 1, now())`;
    receiptOf(await engine.bus.execute(incrementCounter, { counterId: id }, ann));
    const [outcome] = await engine.log.append([anAppend({ streamId: id, streamType: 'Thing', expectedVersion: 1 })]);
    expect(outcome).toMatchObject({ outcome: 'accepted', version: 2 });
  });

  it('of the form that the application derives is refused from clients for new aggregates, not for existing ones', async () => {
    const { bus } = await openEngine();
    const id = derivedId('thing', randomUUID());
    expect(await bus.execute(makeThing, { id }, ann)).toMatchObject({ kind: 'invalid', issues: [{ path: ['id'] }] });
    receiptOf(await bus.execute(makeThing, { id }, { ...system, idsFrom: 'engine' }));
    expect(await bus.execute(makeThing, { id }, ann)).toMatchObject({ kind: 'rejected', code: 'THING_EXISTS' });
  });
});

it('a derived id is the same for the same name and owner, and another one for others', () => {
  const [one, two] = [randomUUID(), randomUUID()];
  expect(derivedId('a', one)).toBe(derivedId('a', one));
  expect(new Set([derivedId('a', one), derivedId('b', one), derivedId('a', two), Counter.name]).size).toBe(4);
});
