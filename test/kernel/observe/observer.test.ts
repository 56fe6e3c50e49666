import { expect, it } from 'vitest';
import { Observer } from '../../../src/kernel/observe/observer.ts';

it('an occurrence is told to all who have a method for it, in their order, and to nobody else', () => {
  const told: unknown[] = [];
  const observer = new Observer([
    { clockSkewed: ({ skewMs }) => told.push(['first', skewMs]) },
    { clockStepped: () => told.push('never') },
    { clockSkewed: ({ skewMs }) => told.push(['second', skewMs]) },
  ]);
  observer.tell('clockSkewed', { skewMs: 7 });
  observer.tell('appendRetried', { error: undefined, attempt: 1 });
  expect(told).toEqual([
    ['first', 7],
    ['second', 7],
  ]);
});

it('code that would gather facts can ask first if there is a subscriber', () => {
  const observer = new Observer([{ faultMet: () => {} }]);
  expect([observer.hears('faultMet'), observer.hears('commandAnswered')]).toEqual([true, false]);
});

it('a method of a class is called on its object', () => {
  class Counter {
    count = 0;
    faultMet(): void {
      this.count++;
    }
  }
  const counter = new Counter();
  new Observer([counter]).tell('faultMet', { error: undefined, context: {} });
  expect(counter.count).toBe(1);
});
