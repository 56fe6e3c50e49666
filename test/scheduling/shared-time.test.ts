import { expect, it } from 'vitest';
import { SharedTime } from '../../src/scheduling/shared-time.ts';

it('counts the time of a task by the share that its caller has of the tasks in progress', () => {
  let now = 0;
  const time = new SharedTime(() => now);
  const first = time.begin('ada');
  now = 100;
  const second = time.begin('ada');
  const others = ['bob', 'eve'].map((caller) => ({ caller, begun: time.begin(caller) }));
  now = 200;
  // All of the first 100 ms, and half of the next.
  expect(time.end('ada', first)).toBe(150);
  expect(time.end('ada', second)).toBe(50);
  now = 300;
  expect(others.map(({ caller, begun }) => time.end(caller, begun))).toEqual([75, 75]);
});

it('does not count the time without tasks', () => {
  let now = 0;
  const time = new SharedTime(() => now);
  time.end('ada', time.begin('ada'));
  now = 1000;
  const begun = time.begin('ada');
  now = 1010;
  expect(time.end('ada', begun)).toBe(10);
});
