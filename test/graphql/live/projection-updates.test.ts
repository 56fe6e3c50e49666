import { beforeEach, describe, expect, it } from 'vitest';
import type { ProjectionUpdate } from '../../../src/graphql/live/audience.ts';
import { projectionUpdates } from '../../../src/graphql/live/projection-updates.ts';
import { SubscriptionBudgets } from '../../../src/graphql/live/subscription-budget.ts';
import type { ApiOccurrences } from '../../../src/graphql/observe.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { settle } from '../../support/kernel/appends.ts';
import { until } from '../../support/until.ts';
import { Stage, waitingIn } from './support.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});

const watch = (args: Parameters<typeof projectionUpdates>[0] = {}, signal?: AbortSignal) =>
  projectionUpdates(args, stage.context({ signal }));
const changed = (...keys: string[]) => stage.move({ keys: new Set(keys) });
const nextOf = async (updates: AsyncIterableIterator<ProjectionUpdate>) => (await updates.next()).value;
/** One who listens and has read what there was. */
const listening = async (args?: Parameters<typeof projectionUpdates>[0]) => {
  const updates = watch(args);
  const first = updates.next();
  changed('first');
  await first;
  return updates;
};
const nothingIsLeft = () => {
  expect(stage.hub.size).toBe(0);
  expect(stage.positions.waiting).toBe(0);
};

describe('a subscriber to the progress of read models', () => {
  it('who did not read for 100,000 changes has one message of each read model waiting', async () => {
    const quick = await listening();
    const updates = await listening();
    await quick.next();
    let told = 0;
    for (let change = 1; change <= 50_000; change++) {
      changed(`key ${change % 7}`);
      stage.move({ projection: 'others', keys: new Set([`other ${change}`]) });
      if (change % 1000 !== 0) continue;
      await settle();
      expect(waitingIn(updates)).toBeLessThanOrEqual(2);
      for (; waitingIn(quick) > 0; told++) await quick.next();
    }
    expect(told).toBe(100);
    const last = [await nextOf(updates), await nextOf(updates)];
    expect(last).toContainEqual(expect.objectContaining({ projection: 'counters', keys: new Set(sevenKeys) }));
    expect(last).toContainEqual(expect.objectContaining({ projection: 'others', position: 100_002, keys: null }));
    expect(waitingIn(updates)).toBe(0);
    await Promise.all([updates.return?.(), quick.return?.()]);
    nothingIsLeft();
  });
  const sevenKeys = [1, 2, 3, 4, 5, 6, 0].map((key) => `key ${key}`);

  it('gets the rows and the longest lag of all that one message stands for', async () => {
    const updates = await listening();
    stage.move({ keys: new Set(['a']), lagMs: 30 });
    stage.move({ keys: new Set(['b']), lagMs: 70 });
    stage.move({ keys: new Set(['a']), lagMs: 5 });
    expect(await nextOf(updates)).toEqual({
      projection: 'counters',
      position: 4,
      keys: new Set(['a', 'b']),
      lagMs: 70,
    });
  });

  it('has the messages counted that others stand for', async () => {
    let coalesced = 0;
    const count = () => {
      coalesced++;
    };
    const observer = new Observer<ApiOccurrences>([{ messageCoalesced: count }]);
    const updates = projectionUpdates({}, { ...stage.context(), observer });
    const first = updates.next();
    changed('a');
    await first;
    changed('b');
    await until(() => waitingIn(updates) === 1);
    changed('c');
    await until(() => coalesced === 1);
    changed('d');
    await until(() => coalesced === 2);
    stage.move({ projection: 'others', keys: new Set(['e']) });
    await until(() => waitingIn(updates) === 2);
    expect(coalesced).toBe(2);
    await updates.return?.();
  });

  it('is not told of rows that it may not see, nor of events that changed none', async () => {
    const updates = await listening({ keys: ['first', 'A'] });
    const witness = await listening();
    await nextOf(updates);
    changed('b', 'c');
    changed();
    changed('d');
    while (!(await nextOf(witness))?.keys?.has('d'));
    expect(waitingIn(updates)).toBe(0);
    changed('b', 'a');
    expect((await nextOf(updates))?.keys).toEqual(new Set(['a']));
    changed('A');
    expect((await nextOf(updates))?.keys).toEqual(new Set(['A']));
  });

  it('is told if it is not known which rows changed', async () => {
    const updates = await listening({ keys: ['first'] });
    stage.move({ keys: null });
    expect((await nextOf(updates))?.keys).toBeNull();
  });

  it('with a position hears nothing until the read model is there, then once for all of its rows', async () => {
    const updates = watch({ projections: ['counters'], after: 3 });
    const first = updates.next();
    for (const key of ['a', 'b', 'c']) changed(key);
    expect((await first).value).toMatchObject({ position: 3, keys: null });
    changed('d');
    expect((await nextOf(updates))?.keys).toEqual(new Set(['d']));
  });

  it('of a read model that was set back hears when it is where it was, once for all of its rows', async () => {
    const updates = await listening();
    for (const key of ['a', 'b']) changed(key);
    expect((await nextOf(updates))?.position).toBe(3);
    stage.move({ position: 1, keys: null });
    stage.move({ position: 2, keys: new Set(['a']) });
    await settle();
    expect(waitingIn(updates)).toBe(0);
    stage.move({ position: 3, keys: new Set(['b']) });
    expect(await nextOf(updates)).toMatchObject({ position: 3, keys: null });
    stage.move({ position: 4, keys: new Set(['c']) });
    expect(await nextOf(updates)).toMatchObject({ position: 4, keys: new Set(['c']) });
  });

  it('is told once of what changes before it can be told', async () => {
    const updates = await listening();
    for (let change = 1; change <= 50; change++) changed(`key ${change}`);
    expect((await nextOf(updates))?.keys?.size).toBe(50);
    changed('one more');
    expect((await nextOf(updates))?.keys).toEqual(new Set(['one more']));
  });

  it('leaves nothing behind, whether it stops, its client goes away or it never read', async () => {
    const stopping = watch({ after: 10 });
    const stopped = stopping.next();
    const gone = new AbortController();
    const left = watch({ after: 10 }, gone.signal).next();
    expect(stage.positions.waiting).toBe(6);
    const listening = watch();
    const ended = listening.next();
    expect(stage.hub.size).toBe(3);
    await listening.return?.();
    expect((await ended).done).toBe(true);
    await stopping.return?.();
    gone.abort();
    expect([(await stopped).done, (await left).done]).toEqual([true, true]);
    await until(() => stage.positions.waiting === 0);
    watch({ after: 10 });
    nothingIsLeft();
  });
});

describe('a subscriber without room', () => {
  it('is told that rows have changed, not which, if it does not read', async () => {
    const budgets = new SubscriptionBudgets({
      keys: 9,
      subscription: 2000,
      connection: 9000,
      caller: 9000,
      total: 9000,
    });
    const allotment = budgets.open({ caller: 'ada', connection: undefined });
    const context = stage.context();
    context.operation.holdWithin(allotment);
    const updates = projectionUpdates({ projections: ['counters'] }, context);
    const first = updates.next();
    changed('first');
    await first;
    for (let change = 1; change <= 20; change++) {
      changed(`a key of a certain length, number ${change}`);
      await settle();
    }
    expect((await nextOf(updates))?.keys).toBeNull();
    expect(allotment.bytes).toBeLessThanOrEqual(2000);
    await updates.return?.();
  });
});
