import { describe, expect, it } from 'vitest';
import { AnswerBudget } from '../../../src/graphql/answer/budget.ts';
import { AnswerShares } from '../../../src/graphql/answer/shares.ts';

const MB = 1_000_000;
const AT = { prev: undefined, key: 'notes' } as const;
const limits = { answerBytes: 10 * MB, readBytes: 10 * MB };

/** Answers that are under way for callers who may hold so much. */
function answering(caller: number, total: number) {
  const shares = new AnswerShares({ caller, total });
  return { shares, answer: (of: string) => new AnswerBudget(limits, shares, of) };
}

describe('answers that are under way', () => {
  it('take nothing of their caller’s share as long as they are small', () => {
    const { shares, answer } = answering(0, 0);
    for (let nth = 0; nth < 100; nth++) answer('ann').spend(200_000, AT);
    expect(shares.bytes).toBe(0);
  });

  it('end with THROTTLED if they are too large together, until others are sent', () => {
    const { answer } = answering(5 * MB, 100 * MB);
    const [first, second] = [answer('ann'), answer('ann')];
    first.spend(4 * MB, AT);
    expect(() => second.spend(3 * MB, AT)).toThrow('Your answers in progress may take 5000000 bytes together.');
    expect(second.exhausted?.extensions).toEqual({ code: 'THROTTLED', retryAfterMs: 1000 });
    first.end();
    answer('ann').spend(3 * MB, AT);
  });

  it('of one caller leave room for others, up to what all may take', () => {
    const { answer } = answering(5 * MB, 8 * MB);
    answer('ann').spend(4 * MB, AT);
    answer('bob').spend(3 * MB, AT);
    expect(() => answer('eve').spend(3 * MB, AT)).toThrow('All answers in progress may take 8000000 bytes');
  });

  it('hold their rows until they are executed, and themselves until they are sent', () => {
    const { shares, answer } = answering(20 * MB, 20 * MB);
    const budget = answer('ann');
    budget.read([{ text: 'x'.repeat(4 * MB) }], 'notes');
    budget.spend(2 * MB, AT);
    expect(shares.bytes).toBeGreaterThan(5 * MB);
    budget.executed();
    expect(shares.bytes).toBeGreaterThan(1.5 * MB);
    expect(shares.bytes).toBeLessThan(3 * MB);
    budget.end();
    budget.end();
    expect([shares.bytes, shares.callers]).toEqual([0, 0]);
  });

  it('take nothing any more once their client has gone', () => {
    const { shares, answer } = answering(20 * MB, 20 * MB);
    const budget = answer('ann');
    budget.spend(MB, AT);
    budget.end();
    budget.spend(3 * MB, AT);
    expect(shares.bytes).toBe(0);
  });

  it('are counted again for each message of a subscription', () => {
    const { shares, answer } = answering(3 * MB, 3 * MB);
    const budget = answer('ann');
    for (let message = 0; message < 10; message++) {
      budget.reset();
      budget.spend(2 * MB, AT);
    }
    budget.end();
    expect(shares.bytes).toBe(0);
  });
});
