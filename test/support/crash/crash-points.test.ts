import { describe, expect, it } from 'vitest';
import { CRASHES, OF_A_LIFE, pointsOf } from './crash-points.ts';

/** The points of every way to break and of every seed that makes a difference. */
const pointsWith = (messages: number, step: number) =>
  CRASHES.flatMap((_, nth) => Array.from({ length: messages }, (_, seed) => pointsOf({ messages, step, nth, seed })));

describe('the points at which a scenario breaks', () => {
  it.each([
    [30, 7],
    [30, OF_A_LIFE],
    [100, OF_A_LIFE],
  ])('are each of %i messages with one seed or another, with every %ith tried', (messages, step) => {
    const points = pointsWith(messages, step);
    expect(new Set(points.flat()).size).toBe(messages);
    expect(points.filter(([first = Infinity]) => first > Math.min(step, messages))).toEqual([]);
  });
});
