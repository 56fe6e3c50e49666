import { afterEach, describe, expect, it, vi } from 'vitest';
import { Admission, type Lagging } from '../../../../src/kernel/write/admission/admission.ts';
import { Loads } from '../../../../src/kernel/write/admission/loads.ts';
import { Movement } from '../../../../src/kernel/write/admission/movement.ts';

const orders = (facts: Partial<Lagging> = {}): Lagging => ({
  ...{ name: 'orders', isServed: true, state: 'RUNNING', position: 100, lag: 500, lagMs: 31_000 },
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

  it('are taken while one is filled, or catches up after a start', () => {
    const admission = new Admission(30_000);
    admission.judge([orders({ isServed: false })]);
    expect(refusal(admission)).toBeUndefined();
  });

  it('are taken while one waits for newer code, which no command has caused', () => {
    const admission = new Admission(30_000);
    admission.judge([orders({ state: 'AHEAD_OF_CODE' })]);
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

describe('a read model that lags, but not too far', () => {
  const admitted = (admission: Admission, initiator?: string) => {
    try {
      admission.assertAdmitted(initiator);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'THROTTLED', retryAfterMs: expect.any(Number) });
      return false;
    }
  };

  /** Lets it find a read model further on than it was a moment ago. */
  const judge = (admission: Admission, ...readModels: readonly Lagging[]) => {
    admission.judge(readModels.map((model) => ({ ...model, position: model.position - 1 })));
    admission.judge(readModels);
  };

  it('throttles only the actors who cause most of it, and never the application itself', () => {
    const admission = new Admission(30_000, 2000);
    for (let n = 0; n < 6000; n++) admission.appended('heavy', 1, 1000);
    admission.appended('light', 20, 20_000);
    judge(admission, orders({ lagMs: 1999 }));
    expect(admitted(admission, 'heavy')).toBe(true);
    for (const lagMs of [2000, 10_000, 29_000]) {
      judge(admission, orders({ lagMs: 10 }), orders({ lagMs }));
      expect(admitted(admission, 'heavy')).toBe(false);
      for (const initiator of ['light', 'stranger', undefined]) expect(admitted(admission, initiator)).toBe(true);
    }
    judge(admission, orders({ lagMs: 1000 }));
    expect(admitted(admission, 'heavy')).toBe(true);
  });

  it('throttles smaller shares the further it lags, and in the end everybody', () => {
    const admission = new Admission(32_000, 2000);
    const loads = { half: 5500, quarter: 2600, tenth: 1100, less: 500, light: 50 };
    for (const [initiator, events] of Object.entries(loads)) admission.appended(initiator, events, 0);
    const throttledAt = (lagMs: number) => {
      judge(admission, orders({ lagMs }));
      return Object.keys(loads).filter((initiator) => !admitted(admission, initiator));
    };
    expect([2000, 6000, 14_000, 31_000, 32_000].map(throttledAt)).toEqual([
      ['half'],
      ['half', 'quarter'],
      ['half', 'quarter', 'tenth'],
      ['half', 'quarter', 'tenth', 'less'],
      Object.keys(loads),
    ]);
  });

  it('counts bytes as well as events', () => {
    const admission = new Admission(30_000, 2000);
    admission.appended('large', 10, 10_000_000);
    admission.appended('small', 500, 100_000);
    judge(admission, orders({ lagMs: 3000 }));
    expect([admitted(admission, 'large'), admitted(admission, 'small')]).toEqual([false, true]);
  });

  it('throttles nobody while the read model stands still, for its next owner or a lock, or has little to catch up with', () => {
    let now = 0;
    const admission = new Admission(30_000, 2000, new Loads(), new Movement(() => now));
    admission.appended('heavy', 6000, 0);
    judge(admission, orders({ lagMs: 3000, lag: 99 }));
    expect(admitted(admission, 'heavy')).toBe(true);
    judge(admission, orders({ lagMs: 3000, position: 200 }));
    expect(admitted(admission, 'heavy')).toBe(false);
    now += 2000;
    admission.judge([orders({ lagMs: 5000, position: 200 })]);
    expect(admitted(admission, 'heavy')).toBe(true);
    // It has an owner again, and catches up with what came meanwhile.
    admission.judge([orders({ lagMs: 5000, position: 201 })]);
    expect(admitted(admission, 'heavy')).toBe(true);
    now += 1000;
    admission.judge([orders({ lagMs: 5000, position: 301 })]);
    expect(admitted(admission, 'heavy')).toBe(false);
  });
});

it('the load of an actor fades out, and nothing is kept of it', () => {
  let now = 0;
  const loads = new Loads(() => now);
  loads.add('ann', 100);
  loads.add('bob', 300);
  now = 9999;
  expect([loads.of('ann'), loads.total]).toEqual([100, 400]);
  now = 15_000;
  expect([loads.of('ann'), loads.of('bob'), loads.total]).toEqual([50, 150, 200]);
  loads.add('ann', 10);
  expect(loads.of('ann')).toBe(60);
  now = 20_000;
  expect([loads.of('ann'), loads.of('bob')]).toEqual([10, 0]);
  now = 1_000_000;
  expect([loads.of('ann'), loads.total]).toEqual([0, 0]);
});
