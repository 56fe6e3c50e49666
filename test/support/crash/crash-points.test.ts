import { describe, expect, it } from 'vitest';
import { CRASHES, OF_A_LIFE, pointsOf } from './crash-points.ts';

/** The points of every way to break and of every seed that makes a difference. */
const pointsWith = (messages: number, step: number, isTimed: boolean) =>
  CRASHES.flatMap((_, nth) =>
    Array.from({ length: messages }, (_, seed) => pointsOf({ messages, step, nth, seed, isTimed })),
  );

describe('the points at which a scenario breaks', () => {
  it.each([
    [30, 7],
    [30, OF_A_LIFE],
    [40, OF_A_LIFE],
    [100, 2 * OF_A_LIFE],
  ])('begin in the first half of %i messages if timers add some, with every %ith tried', (messages, step) => {
    const firsts = pointsWith(messages, step, true).map(([first]) => first);
    expect(Math.max(...firsts.map(Number))).toBeLessThanOrEqual(messages / 2);
    expect(Math.min(...firsts.map(Number))).toBe(1);
  });

  it.each([
    [30, 7],
    [30, OF_A_LIFE],
    [100, 2 * OF_A_LIFE],
  ])(
    'are each of %i messages with one seed or another if no timer adds any, with every %ith tried',
    (messages, step) => {
      expect(new Set(pointsWith(messages, step, false).flat()).size).toBe(messages);
    },
  );
});
