import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LiveRow, liveRow } from '../../../src/graphql/live/rows/live-row.ts';
import { SubscriptionBudgets } from '../../../src/graphql/live/subscription-budget.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { settle } from '../../support/kernel/appends.ts';
import { counters } from '../../support/kernel/counter.ts';
import { until } from '../../support/until.ts';
import { Stage, waitingIn } from './support.ts';

let stage: Stage;
let key: string;
beforeEach(() => {
  stage = new Stage();
  key = randomUUID();
});

const projection = counters as unknown as Projection;
const look = (after?: number, signal?: AbortSignal) => liveRow(projection, key, after, stage.context({ signal }));
const value = (result: IteratorResult<LiveRow>) => (result.done ? 'the end' : result.value.row.value);
const nothingIsLeft = () => {
  expect(stage.live.size).toBe(0);
  expect(stage.hub.size).toBe(0);
  expect(stage.positions.waiting).toBe(0);
};

describe('a row that is looked at live', () => {
  let messages: AsyncIterableIterator<LiveRow>;
  beforeEach(() => {
    stage.write(key, 1);
    messages = look();
  });
  afterEach(async () => {
    await messages.return?.();
    nothingIsLeft();
  });

  it('is shown now and after each change', async () => {
    expect(value(await messages.next())).toBe(1);
    stage.write(key, 2);
    expect(value(await messages.next())).toBe(2);
    const next = messages.next();
    stage.write(randomUUID(), 7);
    stage.write(key, 3);
    expect(value(await next)).toBe(3);
  });

  it('is shown as it is last to one who did not read for 100,000 changes, and costs one slot meanwhile', async () => {
    const quick = look();
    expect(value(await messages.next())).toBe(1);
    expect(value(await quick.next())).toBe(1);
    let most = 0;
    for (let change = 2; change <= 100_001; change++) {
      stage.write(key, change);
      if (change % 1000 !== 0) continue;
      while (value(await quick.next()) !== change);
      most = Math.max(most, waitingIn(messages));
    }
    while (value(await quick.next()) !== 100_001);
    expect(waitingIn(messages)).toBe(1);
    expect(most).toBe(1);
    expect(value(await messages.next())).toBe(100_001);
    await quick.return?.();
  });

  it('is as fresh as it says, even if it has waited for its reader', async () => {
    expect((await messages.next()).value.position).toBe(1);
    stage.write(key, 2);
    await until(() => waitingIn(messages) === 1);
    stage.move();
    expect(await messages.next()).toMatchObject({ value: { row: { value: 2 }, position: 2 } });
  });

  it('is shown once if it did not change', async () => {
    stage.move({ keys: null });
    expect(value(await messages.next())).toBe(1);
    const before = stage.reads.length;
    stage.move({ keys: null });
    await until(() => stage.reads.length > before);
    await settle();
    expect(waitingIn(messages)).toBe(0);
  });

  it('is shown as a rebuild has made it, even if its last event is an earlier one now', async () => {
    stage.write(key, 2);
    expect(value(await messages.next())).toBe(2);
    stage.rows.set(key, { ...stage.rows.get(key), value: 7, lastPosition: 1 });
    stage.move({ keys: null, position: 2 });
    expect(value(await messages.next())).toBe(7);
    stage.rows.set(key, { ...stage.rows.get(key), value: 8, lastPosition: 1 });
    stage.move({ keys: null });
    expect(value(await messages.next())).toBe(8);
  });

  it('ends if a rebuild has left it out', async () => {
    stage.write(key, 2);
    expect(value(await messages.next())).toBe(2);
    stage.rows.delete(key);
    stage.move({ keys: null, position: 2 });
    expect(value(await messages.next())).toBe('the end');
  });

  it('is read again if a read failed, so that its change is shown', async () => {
    expect(value(await messages.next())).toBe(1);
    stage.failing = 2;
    stage.write(key, 2);
    expect(value(await messages.next())).toBe(2);
    expect(stage.faults).toHaveLength(2);
  });

  it('ends if it is gone', async () => {
    expect(value(await messages.next())).toBe(1);
    stage.remove(key);
    expect(value(await messages.next())).toBe('the end');
  });

  it('ends a read that waits when its reader leaves', async () => {
    expect(value(await messages.next())).toBe(1);
    const next = messages.next();
    expect(value((await messages.return?.()) as IteratorResult<LiveRow>)).toBe('the end');
    expect(value(await next)).toBe('the end');
    expect(value(await messages.next())).toBe('the end');
  });
});

describe('1,000 who look at a row', () => {
  it('all see its final state, and each change is read once for all of them, also while half of them leave', async () => {
    stage.write(key, 0);
    const seen: unknown[] = [];
    const all = Array.from({ length: 1000 }, () => look());
    const reading = all.map(async (messages, index) => {
      for await (const { row } of messages) {
        seen[index] = row.value;
        if (index % 2 === 0 && row.value === 5) break;
        if (row.value === 10) break;
      }
    });
    await until(() => seen.filter((last) => last === 0).length === 1000);
    const before = stage.reads.length;
    for (let change = 1; change <= 10; change++) {
      stage.write(key, change);
      await until(() => seen.every((last, index) => last === (index % 2 === 0 ? Math.min(5, change) : change)));
    }
    await Promise.all(reading);
    expect(stage.reads.length - before).toBe(10);
    expect(seen.filter((last) => last === 10)).toHaveLength(500);
    nothingIsLeft();
  });
});

describe('a row that is not there', () => {
  it('is refused with the first message, and nothing is left', async () => {
    await expect(look().next()).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    nothingIsLeft();
  });

  it('is waited for with a position, as long as its reader waits', async () => {
    const messages = look(2);
    const next = messages.next();
    await until(() => stage.positions.waiting === 1);
    stage.move();
    stage.write(key, 1);
    expect(value(await next)).toBe(1);
    await messages.return?.();
    nothingIsLeft();
  });

  it('is waited for no longer when its reader leaves', async () => {
    const messages = look(2);
    const next = messages.next();
    await until(() => stage.positions.waiting === 1);
    await messages.return?.();
    expect(value(await next)).toBe('the end');
    await until(() => stage.positions.waiting === 0);
    nothingIsLeft();
  });
});

describe('a client that goes away', () => {
  it('takes along what it looked at', async () => {
    stage.write(key, 1);
    const gone = new AbortController();
    const messages = look(undefined, gone.signal);
    expect(value(await messages.next())).toBe(1);
    const next = messages.next();
    gone.abort();
    expect(value(await next)).toBe('the end');
    nothingIsLeft();
  });

  it('looks at nothing if it was gone before', async () => {
    stage.write(key, 1);
    const messages = look(undefined, AbortSignal.abort());
    expect(value(await messages.next())).toBe('the end');
    nothingIsLeft();
    const other = look();
    expect(value(await other.next())).toBe(1);
    expect(stage.reads).toHaveLength(1);
    await other.return?.();
    nothingIsLeft();
  });
});

describe('a row that grows beyond what its subscription may hold', () => {
  it('ends the subscription with an error, gives back what it held, and others go on', async () => {
    const budgets = new SubscriptionBudgets({
      keys: 1,
      subscription: 1000,
      connection: 5000,
      caller: 5000,
      total: 5000,
    });
    const small = stage.context();
    const allotment = budgets.open({ caller: 'ada', connection: undefined });
    small.operation.holdWithin(allotment);
    stage.write(key, 1);
    const messages = liveRow(projection, key, undefined, small);
    const others = look();
    expect(value(await messages.next())).toBe(1);
    expect(value(await others.next())).toBe(1);
    expect(budgets.bytes).toBeGreaterThan(100);
    stage.rows.set(key, { ...stage.rows.get(key), label: 'x'.repeat(1000), value: 2 });
    stage.move({ keys: new Set([key]) });
    await expect(messages.next()).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(value(await others.next())).toBe(2);
    await others.return?.();
    allotment.release();
    expect(budgets.bytes).toBe(0);
    nothingIsLeft();
  });
});
