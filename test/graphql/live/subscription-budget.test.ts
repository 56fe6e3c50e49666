import { parse } from 'graphql';
import { beforeEach, describe, expect, it } from 'vitest';
import { SubscriptionBudgets } from '../../../src/graphql/live/subscription-budget.ts';

let budgets: SubscriptionBudgets;
beforeEach(() => {
  budgets = new SubscriptionBudgets({ keys: 10, subscription: 100, connection: 150, caller: 250, total: 400 });
});
const open = (caller: string, connection: object = {}) => budgets.open({ caller, connection });
const THROTTLED = expect.objectContaining({ code: 'THROTTLED', retryAfterMs: 5000 });

describe('what subscriptions may hold', () => {
  it('is bounded for one subscription', () => {
    const one = open('ada');
    one.take(100);
    expect(() => one.take(1)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
    expect(one.tryTake(1)).toBe(false);
    one.give(50);
    one.take(50);
    expect(budgets.bytes).toBe(100);
  });

  it('is bounded for one connection', () => {
    const connection = {};
    open('ada', connection).take(100);
    expect(() => open('ada', connection).take(51)).toThrow(THROTTLED);
    open('ada', connection).take(50);
    open('ada').take(51);
  });

  it('is bounded for one caller, over all connections', () => {
    for (const bytes of [100, 100, 50]) open('ada').take(bytes);
    expect(() => open('ada').take(1)).toThrow(THROTTLED);
    open('bob').take(1);
  });

  it('is bounded for the process', () => {
    for (const name of ['ada', 'bob', 'eve', 'dan']) open(name).take(100);
    expect(() => open('zoe').take(1)).toThrow(THROTTLED);
    expect(budgets.bytes).toBe(400);
  });

  it('counts nothing that was refused, and gives everything back at the end, once', () => {
    const one = open('ada');
    one.take(60);
    expect(one.tryTake(60)).toBe(false);
    expect(budgets.bytes).toBe(60);
    one.release();
    one.release();
    one.give(60);
    expect(budgets.bytes).toBe(0);
    open('ada').take(100);
  });

  it('is limited in keys', () => {
    open('ada').checkKeys(10);
    expect(() => open('ada').checkKeys(11)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
  });
});

describe('a document that subscriptions have in common', () => {
  it('is counted once, for one of those that hold it, until the last one ends', () => {
    budgets = new SubscriptionBudgets({ keys: 10, subscription: 100, connection: 1e6, caller: 1e6, total: 1e6 });
    const document = parse('subscription { projectionUpdated { projection } }');
    const [first, second] = [open('ada'), open('bob')];
    first.takeDocument(document);
    const bytes = budgets.bytes;
    expect(bytes).toBeGreaterThan(0);
    second.takeDocument(document);
    expect(budgets.bytes).toBe(bytes);
    first.release();
    expect([budgets.bytes, second.bytes]).toEqual([bytes, bytes]);
    second.release();
    expect(budgets.bytes).toBe(0);
  });

  it('is not counted for one that was refused for it', () => {
    const document = parse('subscription { projectionUpdated { projection } }');
    const one = open('ada');
    expect(() => one.takeDocument(document)).toThrow(THROTTLED);
    one.release();
    expect(budgets.bytes).toBe(0);
  });
});
