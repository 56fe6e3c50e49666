import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Actor, SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { defineAggregate, unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../../src/kernel/define/command.ts';
import { UnreadableEventError } from '../../../src/kernel/define/event.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { Counted, Counter, count, Opened, open } from './counter.ts';

const opened = given(Counter, [Opened({})]);
const STAFF: Actor = { id: 'clerk', roles: ['staff'], claims: {} };

describe('given, when, then of a command', () => {
  it('passes if the events are the expected ones', async () => {
    await given(Counter)
      .when(open, { note: 'first' })
      .thenEvents(Opened({ note: 'first' }));
    await opened.when(count, { id: 'a', by: 2 }).thenEvents(Counted({ by: 2 }));
    await opened.when(count, { id: 'a', by: 0 }).thenEvents();
  });

  it('compares events as the store would hold them', async () => {
    await given(Counter)
      .when(open, {})
      .thenEvents(Opened({ note: undefined }));
  });

  it('fails with both lists if the events are others', async () => {
    const counted = opened.when(count, { id: 'a', by: 2 });
    await expect(counted.thenEvents(Counted({ by: 3 }))).rejects.toThrow(/by: 2[\s\S]*by: 3/);
    await expect(counted.thenEvents()).rejects.toThrow(/Counted/);
    await expect(counted.thenEvents(Counted({ by: 2 }), Counted({ by: 2 }))).rejects.toThrow(/Counted/);
  });

  it('fails with the reason if the command was rejected and events were expected', async () => {
    await expect(opened.when(open, {}).thenEvents(Opened({}))).rejects.toThrow('ALREADY_OPEN (It is open.)');
  });

  it('tells a rejection by its code, and answers its sentence', async () => {
    expect(await opened.when(open, {}).thenRejected('ALREADY_OPEN')).toBe('It is open.');
    await expect(opened.when(open, {}).thenRejected('OTHER')).rejects.toThrow(/OTHER.*ALREADY_OPEN/);
    await expect(given(Counter).when(open, {}).thenRejected('ALREADY_OPEN')).rejects.toThrow(/these happened.*Opened/);
    await expect(opened.when(count, { id: 'a', by: 0 }).thenRejected('X')).rejects.toThrow('nothing happened');
  });

  it('validates the input, and answers what is wrong with it', async () => {
    const issues = await opened.when(count, { id: 'a', by: 11 }).thenInvalid('by');
    expect(issues).toEqual([{ path: ['by'], message: expect.any(String) }]);
    await expect(opened.when(count, { id: 'a', by: 11 }).thenInvalid('id')).rejects.toThrow(/by[\s\S]*id/);
    await expect(opened.when(count, { id: 'a', by: 1 }).thenInvalid('by')).rejects.toThrow(
      /Expected of count: invalid/,
    );
    await expect(opened.when(count, { id: 'a', by: 11 }).thenEvents()).rejects.toThrow('its input is invalid');
  });

  it('gives decide the validated input', () =>
    given(Counter)
      .when(open, { note: '  trimmed ' })
      .thenEvents(Opened({ note: 'trimmed' })));

  it('knows that only a creating command begins a stream', async () => {
    await given(Counter).when(count, { id: 'a', by: 1 }).thenNotFound();
    await expect(opened.when(count, { id: 'a', by: 1 }).thenNotFound()).rejects.toThrow('Counted');
  });

  it('lets gather load the other streams that were given, and no others', async () => {
    const two = opened.and(Counter, 'B', [Opened({}), Counted({ by: 3 }), Counted({ by: 4 })]);
    await two.when(count, { id: 'a', by: 1, like: 'b' }).thenEvents(Counted({ by: 7 }), Counted({ by: 1 }));
    await two.when(count, { id: 'a', by: 1, like: 'c' }).thenRejected('NO_SUCH_COUNTER');
    await opened.when(count, { id: 'a', by: 1, like: 'b' }).thenRejected('NO_SUCH_COUNTER');
    await opened.and(Counter, 'b', []).when(count, { id: 'a', by: 1, like: 'b' }).thenRejected('NO_SUCH_COUNTER');
  });

  it('takes facts instead of gathering them', async () => {
    await opened.when(count, { id: 'a', by: 1, like: 'b' }, 9).thenEvents(Counted({ by: 9 }), Counted({ by: 1 }));
    await opened.when(count, { id: 'a', by: 1 }, reject('NO', 'No.')).thenRejected('NO');
  });

  it('asks who may only if somebody is named', async () => {
    await opened
      .by(SYSTEM)
      .when(count, { id: 'a', by: 4 })
      .thenEvents(Counted({ by: 4 }));
    await opened.by(SYSTEM).when(count, { id: 'a', by: 5 }).thenForbidden();
    await opened.by(STAFF).when(count, { id: 'a', by: 1 }).thenForbidden();
    await opened.by(null).when(count, { id: 'a', by: 1 }).thenForbidden();
    const full = given(Counter, [Opened({}), Counted({ by: 5 })]);
    await full.by(SYSTEM).when(count, { id: 'a', by: 1 }).thenForbidden();
    await expect(full.when(count, { id: 'a', by: 1 }).thenForbidden()).rejects.toThrow('Counted');
  });

  it('leaves the given past unchanged, so that it can be used again', async () => {
    opened.by(null);
    opened.and(Counter, 'b', [Opened({})]);
    await opened.when(count, { id: 'a', by: 1 }).thenEvents(Counted({ by: 1 }));
    await opened.when(count, { id: 'a', by: 1, like: 'b' }).thenRejected('NO_SUCH_COUNTER');
  });

  it('tells the outcome to tests that go on from there', async () => {
    expect(await opened.when(count, { id: 'a', by: 1 }).outcome()).toEqual({
      kind: 'events',
      events: [Counted({ by: 1 })],
    });
    expect(await given(Counter).when(count, { id: 'a', by: 1 }).outcome()).toEqual({ kind: 'notFound' });
  });
});

describe('mistakes of a domain that given, when, then brings to light', () => {
  const input = z.object({});
  const common = { creates: true, input, id: () => undefined, allow: 'everyone' } as const;

  it('an event that does not fit its own schema', async () => {
    await expect(opened.when(count, { id: 'a', by: -1 }).thenEvents(Counted({ by: -1 }))).rejects.toThrow(
      UnreadableEventError,
    );
    await expect(
      given(Counter, [Counted({ by: 0.5 })])
        .when(open, {})
        .outcome(),
    ).rejects.toThrow(UnreadableEventError);
  });

  it('a command of another aggregate', async () => {
    const Other = defineAggregate('Other', { initialState: () => 0, events: {}, evolve: {} });
    await expect(given(Other).when(open, {}).outcome()).rejects.toThrow('open is a command of Counter, not of Other.');
  });

  it('an event of another aggregate', async () => {
    const Other = defineAggregate('Other', { initialState: () => 0, events: {}, evolve: {} });
    // Mistakes that the types refuse, and what JavaScript would do.
    const wrong = defineCommand('wrong', { ...common, aggregate: Other, decide: () => Opened({}) as never });
    await expect(given(Other).when(wrong, {}).outcome()).rejects.toThrow('The aggregate Other has no event Opened.');
  });

  it('state that does not survive JSON', async () => {
    const Keeper = defineAggregate('Keeper', {
      initialState: (): { seen: ReadonlySet<number> } => ({ seen: new Set() }),
      events: { Counted },
      evolve: { Counted: (state, { data }) => ({ seen: new Set([...state.seen, data.by]) }) },
    });
    const keep = defineCommand('keep', { ...common, aggregate: Keeper, decide: () => Counted({ by: 1 }) });
    await expect(given(Keeper).when(keep, {}).outcome()).rejects.toThrow('The state of Keeper does not survive JSON');
  });

  it('evolve that changes the state in place', async () => {
    const Pile = defineAggregate('Pile', {
      initialState: () => ({ items: [] as number[] }),
      events: { Counted },
      evolve: {
        Counted: (state, { data }) => {
          state.items.push(data.by);
          return state;
        },
      },
    });
    const pile = defineCommand('pile', { ...common, aggregate: Pile, decide: () => Counted({ by: 1 }) });
    await expect(given(Pile).when(pile, {}).outcome()).rejects.toThrow(TypeError);
  });

  it('decide that changes the state in place', async () => {
    const Tally = defineAggregate('Tally', {
      initialState: () => ({ n: 0 }),
      events: { Counted },
      evolve: { Counted: unchanged },
    });
    const tally = defineCommand('tally', {
      ...common,
      aggregate: Tally,
      decide: (state) => {
        state.n += 1;
        return [];
      },
    });
    await expect(given(Tally).when(tally, {}).outcome()).rejects.toThrow(TypeError);
  });
});
