import { describe, expect, it } from 'vitest';
import type { LagChange } from '../../../../src/kernel/observe/occurrences.ts';
import { lagStateOf } from '../../../../src/kernel/read/status/lag.ts';
import { LagReport } from '../../../../src/kernel/read/status/lag-report.ts';
import type { ProjectionStatus } from '../../../../src/kernel/read/status/projection-status.ts';

it.each([
  [0, 'NORMAL'],
  [199, 'NORMAL'],
  [200, 'WARNING'],
  [1999, 'WARNING'],
  [2000, 'CRITICAL'],
  [29_999, 'CRITICAL'],
  [30_000, 'EMERGENCY'],
])('calls a lag of %i ms %s', (ms, state) => {
  expect(lagStateOf(ms)).toBe(state);
});

describe('what operators are told', () => {
  const status = (lagMs: number, facts: Partial<ProjectionStatus> = {}) =>
    ({
      name: 'orders',
      state: 'RUNNING',
      isOurs: true,
      lag: 3,
      lagMs,
      lagState: lagStateOf(lagMs),
      ...facts,
    }) as ProjectionStatus;
  const report = () => {
    const told: LagChange[] = [];
    const lag = new LagReport((change) => told.push(change));
    return { told: () => told.map(({ from, to }) => `${from} → ${to}`), check: lag.check.bind(lag) };
  };

  it('is at once when it becomes worse, and when it is better for a while', () => {
    const { told, check } = report();
    check([status(10)], 0);
    check([status(40_000)], 250);
    check([status(10)], 500);
    check([status(40_000)], 3000);
    check([status(10)], 3250);
    expect(told()).toEqual(['NORMAL → EMERGENCY']);
    check([status(10)], 6250);
    expect(told()).toEqual(['NORMAL → EMERGENCY', 'EMERGENCY → NORMAL']);
  });

  it('is reported for projections of this instance or of none; other instances report theirs', () => {
    const { told, check } = report();
    check([status(5000, { isOurs: false })], 0);
    expect(told()).toEqual([]);
    check([status(5000, { isOurs: false, state: 'STOPPED' })], 250);
    expect(told()).toEqual(['NORMAL → CRITICAL']);
  });
});
