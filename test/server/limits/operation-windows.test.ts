import { describe, expect, it } from 'vitest';
import { ActiveCallers } from '../../../src/scheduling/active-callers.ts';
import { OperationWindows } from '../../../src/server/limits/operation-windows.ts';

/** How many operations of a caller begin at once, after others that have taken so many bytes. */
function begunAfter(...bytes: readonly number[]): number {
  return begun(bytes, 0);
}

function begun(bytes: readonly number[], expected: number): number {
  const activeCallers = new ActiveCallers(() => 0);
  activeCallers.saw('bob');
  const windows = new OperationWindows(activeCallers, { operations: 4, bytes: 1000 });
  for (const each of bytes) windows.took('ann', each);
  const places = Array.from({ length: 10 }, () => windows.enter('ann', expected));
  return places.filter((place) => typeof place === 'function').length;
}

describe('how many large operations of a caller are executed at once', () => {
  it('is limited by their number if their answers are small', () => {
    expect(begunAfter(1)).toBe(4);
    expect(begunAfter(250)).toBe(4);
  });

  it('is less for one whose answers are large, and at least one', () => {
    expect(begunAfter(500)).toBe(2);
    expect(begunAfter(5000)).toBe(1);
  });

  it('is limited by what their cost stands for if nothing is known of the caller', () => {
    expect(begun([], 500)).toBe(2);
    expect(begun([], 5000)).toBe(1);
    expect(begun([10], 500)).toBe(4);
  });

  it('is limited by a tenth of what their cost stands for, however small the ones before were', () => {
    expect(begun([10, 10, 10], 5000)).toBe(2);
    expect(begun([10, 10, 10], 50_000)).toBe(1);
  });

  it('follows what is usual for the caller', () => {
    expect(begunAfter(10, 2000)).toBe(1);
    expect(begunAfter(10, 2000, 10, 10)).toBe(3);
  });
});
