import { afterEach, describe, expect, it, vi } from 'vitest';
import { Admission, type Lagging } from '../../../src/kernel/write/admission.ts';

const orders = (facts: Partial<Lagging> = {}): Lagging => ({
  ...{ name: 'orders', isIncomplete: false, position: 100, lag: 500, lagMs: 31_000 },
  ...facts,
});
const refusal = (admission: Admission): { message: string; retryAfterMs: number } | undefined => {
  try {
    admission.assertAdmitted();
    return undefined;
  } catch (error) {
    return error as never;
  }
};

afterEach(() => {
  vi.useRealTimers();
});

describe('commands', () => {
  it('are taken while every read model is near enough', () => {
    const admission = new Admission(30_000);
    expect(refusal(admission)).toBeUndefined();
    admission.judge([orders({ lagMs: 29_999 })]);
    expect(refusal(admission)).toBeUndefined();
  });

  it('are refused while one is too far behind, and taken again when it is not', () => {
    const admission = new Admission(30_000);
    for (const lagMs of [31_000, 30_700]) {
      admission.judge([orders({ name: 'customers', lagMs: 10 }), orders({ lagMs })]);
      expect(refusal(admission)).toMatchObject({ code: 'THROTTLED', retryAfterMs: 10_000 });
      expect(refusal(admission)?.message).toBe(
        'Read model orders is 31 s behind (500 events): commands wait until it has caught up. Try again in 10000 ms.',
      );
      admission.judge([orders({ lagMs: 29_999 })]);
      expect(refusal(admission)).toBeUndefined();
    }
  });

  it('are taken while one is filled from the beginning, or waits to be filled anew', () => {
    const admission = new Admission(30_000);
    admission.judge([orders({ isIncomplete: true })]);
    expect(refusal(admission)).toBeUndefined();
  });

  it('are never refused with 0', () => {
    const admission = new Admission(0);
    admission.judge([orders()]);
    expect(refusal(admission)).toBeUndefined();
  });

  it('may come again when it will have caught up at its pace, between one second and ten', () => {
    vi.useFakeTimers();
    const admission = new Admission(30_000);
    const judged = (ms: number, facts: Partial<Lagging>) => {
      vi.advanceTimersByTime(ms);
      admission.judge([orders(facts)]);
      return refusal(admission)?.retryAfterMs;
    };
    expect(judged(0, { position: 0, lag: 1000 })).toBe(10_000);
    expect(judged(1000, { position: 200, lag: 800 })).toBe(4000);
    expect(judged(1000, { position: 960, lag: 40 })).toBe(1000);
    expect(judged(1000, { position: 961, lag: 1_000_000 })).toBe(10_000);
  });
});
