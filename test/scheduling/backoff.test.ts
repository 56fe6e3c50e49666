import { describe, expect, it } from 'vitest';
import { type Backoff, backoffMs } from '../../src/scheduling/backoff.ts';
import { fc } from '../support/properties.ts';

const backoffs: fc.Arbitrary<Required<Backoff>> = fc.record({
  firstMs: fc.integer({ min: 1, max: 1000 }),
  maxMs: fc.integer({ min: 1000, max: 100_000 }),
  factor: fc.double({ min: 1, max: 4, noNaN: true }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
/** Up to as many attempts as a retry of several years makes: then a power is no longer a finite number. */
const attempts = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1_000_000_000 }));
const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the pause after a failed attempt', () => {
  it('is the first one after the first attempt, and doubles up to the longest', () => {
    const pauses = [1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(attempt, { firstMs: 50, maxMs: 500 }));
    expect(pauses).toEqual([50, 100, 200, 400, 500, 500]);
  });

  it('grows by its factor until it is the longest one, and never shrinks', () => {
    fc.assert(
      fc.property(backoffs, attempts, (backoff, attempt) => {
        const [ms, next] = [attempt, attempt + 1].map((nth) => backoffMs(nth, { ...backoff, jitter: 0 })) as [
          number,
          number,
        ];
        expect(ms).toBeGreaterThanOrEqual(backoff.firstMs);
        expect(next).toBeGreaterThanOrEqual(ms);
        expect(next).toBeLessThanOrEqual(backoff.maxMs);
        if (next < backoff.maxMs) expect(next / ms).toBeCloseTo(backoff.factor, 8);
      }),
    );
  });

  it('is shortened by chance, by no more than the share that is left to chance', () => {
    fc.assert(
      fc.property(backoffs, attempts, chances, (backoff, attempt, chance) => {
        const whole = backoffMs(attempt, { ...backoff, jitter: 0 });
        const shortened = backoffMs(attempt, backoff, () => chance);
        expect(shortened).toBeCloseTo(whole - whole * backoff.jitter * chance, 6);
        expect(shortened).toBeGreaterThanOrEqual(whole * (1 - backoff.jitter));
        expect(shortened).toBeLessThanOrEqual(whole);
      }),
    );
  });
});
