import { expect, it } from 'vitest';
import { Observer } from '../../src/observe/observer.ts';

interface Sounds {
  readonly rang: { readonly times: number };
  readonly knocked: undefined;
}

it('an occurrence is told to all who have a method for it, in their order, and to nobody else', () => {
  const told: unknown[] = [];
  const observer = new Observer<Sounds>([
    { rang: ({ times }) => told.push(['first', times]) },
    { knocked: () => told.push('never') },
    { rang: ({ times }) => told.push(['second', times]) },
  ]);
  observer.tell('rang', { times: 7 });
  expect(told).toEqual([
    ['first', 7],
    ['second', 7],
  ]);
});

it('an occurrence without subscribers is told to nobody', () => {
  const told: unknown[] = [];
  const observer = new Observer<Sounds>([{ rang: () => told.push('rang') }]);
  observer.tell('knocked', undefined);
  expect(told).toEqual([]);
});

it('code that would gather facts can ask first if there is a subscriber', () => {
  const observer = new Observer<Sounds>([{ rang: () => {} }]);
  expect([observer.hears('rang'), observer.hears('knocked')]).toEqual([true, false]);
});

it('a method of a class is called on its object', () => {
  class Counter {
    count = 0;
    rang(): void {
      this.count++;
    }
  }
  const counter = new Counter();
  new Observer<Sounds>([counter]).tell('rang', { times: 1 });
  expect(counter.count).toBe(1);
});

it('a part can be given an observer that passes on some occurrences only', () => {
  const told: unknown[] = [];
  const both = { rang: ({ times }: Sounds['rang']) => told.push(times), knocked: () => told.push('knocked') };
  const observer = new Observer<Sounds>([both]).only('rang');
  observer.tell('rang', { times: 3 });
  observer.tell('knocked', undefined);
  expect(told).toEqual([3]);
  expect([observer.hears('rang'), observer.hears('knocked')]).toEqual([true, false]);
});
