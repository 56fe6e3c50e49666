import { describe, expect, it } from 'vitest';
import { Company } from '../../src/scheduling/company.ts';

describe('the company of a caller', () => {
  it('is nobody as long as nobody else asks for anything', () => {
    const company = new Company(() => 0);
    expect(company.isAlone('ann')).toBe(true);
    company.saw('ann');
    company.saw('ann');
    expect(company.isAlone('ann')).toBe(true);
    expect(company.isAlone('bob')).toBe(false);
  });

  it('is whoever asked within the last second, however often the caller asked since', () => {
    let now = 0;
    const company = new Company(() => now);
    company.saw('bob');
    for (; now < 1000; now += 10) {
      company.saw('ann');
      expect(company.isAlone('ann')).toBe(false);
    }
    expect(company.isAlone('ann')).toBe(true);
  });

  it('is remembered while several others come and go', () => {
    let now = 0;
    const company = new Company(() => now);
    for (const caller of ['bob', 'ann', 'cid', 'ann']) {
      company.saw(caller);
      now += 400;
    }
    // Bob asked 1,600 ms ago, and Cid 800 ms.
    expect(company.isAlone('ann')).toBe(false);
    expect(company.isAlone('cid')).toBe(false);
    now += 200;
    expect(company.isAlone('ann')).toBe(true);
  });
});
