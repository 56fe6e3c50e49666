import { describe, expect, it } from 'vitest';
import { type CatchingUp, StartCatchUp } from '../../../../src/kernel/read/status/start-catch-up.ts';

const orders = (facts: Partial<CatchingUp> = {}): CatchingUp => ({
  ...{ name: 'orders', position: 100, state: 'RUNNING', isIncomplete: false },
  ...facts,
});

/** A process that started when the log had 100 events, and its clock. */
function started() {
  let now = 0;
  const catchUp = new StartCatchUp(() => now);
  catchUp.begin(100);
  return { catchUp, pass: (ms: number) => (now += ms) };
}

describe('a read model', () => {
  it('is served from when it reaches the end that the log had at the start, and stays so when it lags later', () => {
    const { catchUp } = started();
    expect(catchUp.has(orders({ position: 99 }))).toBe(false);
    expect(catchUp.has(orders())).toBe(true);
    expect(catchUp.has(orders({ position: 0, state: 'STALLED' }))).toBe(true);
  });

  it('is not served before the end of the log is known, nor while its table is not complete', () => {
    expect(new StartCatchUp().has(orders())).toBe(false);
    expect(started().catchUp.has(orders({ isIncomplete: true }))).toBe(false);
  });

  it.each(['AHEAD_OF_CODE', 'STALLED'] as const)('is served behind that end if it has been %s for a while', (state) => {
    const { catchUp, pass } = started();
    const still = orders({ position: 50, state });
    expect(catchUp.has(still)).toBe(false);
    pass(2999);
    expect(catchUp.has(still)).toBe(false);
    pass(1);
    expect(catchUp.has(still)).toBe(true);
  });

  it('is not served because of a failure that its former owner has left behind', () => {
    const { catchUp, pass } = started();
    expect(catchUp.has(orders({ position: 50, state: 'AHEAD_OF_CODE' }))).toBe(false);
    pass(3000);
    expect(catchUp.has(orders({ position: 60, state: 'AHEAD_OF_CODE' }))).toBe(false);
    pass(2000);
    expect(catchUp.has(orders({ position: 60 }))).toBe(false);
    pass(1000);
    expect(catchUp.has(orders({ position: 60, state: 'AHEAD_OF_CODE' }))).toBe(false);
  });

  it('that nobody runs is not served until somebody does', () => {
    const { catchUp, pass } = started();
    const stopped = orders({ position: 50, state: 'STOPPED' });
    expect(catchUp.has(stopped)).toBe(false);
    pass(60_000);
    expect(catchUp.has(stopped)).toBe(false);
  });
});
