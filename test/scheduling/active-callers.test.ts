import { describe, expect, it } from 'vitest';
import { ActiveCallers } from '../../src/scheduling/active-callers.ts';

describe('the active callers', () => {
  it('leave a caller alone as long as nobody else asks for anything', () => {
    const activeCallers = new ActiveCallers(() => 0);
    expect(activeCallers.isAlone('ann')).toBe(true);
    activeCallers.saw('ann');
    activeCallers.saw('ann');
    expect(activeCallers.isAlone('ann')).toBe(true);
    expect(activeCallers.isAlone('bob')).toBe(false);
  });

  it('include whoever asked within the last second, however often the caller has asked since', () => {
    let now = 0;
    const activeCallers = new ActiveCallers(() => now);
    activeCallers.saw('bob');
    for (; now < 1000; now += 10) {
      activeCallers.saw('ann');
      expect(activeCallers.isAlone('ann')).toBe(false);
    }
    expect(activeCallers.isAlone('ann')).toBe(true);
  });

  it('are remembered while several others come and go', () => {
    let now = 0;
    const activeCallers = new ActiveCallers(() => now);
    for (const caller of ['bob', 'ann', 'cid', 'ann']) {
      activeCallers.saw(caller);
      now += 400;
    }
    // Bob asked 1,600 ms ago, and Cid 800 ms.
    expect(activeCallers.isAlone('ann')).toBe(false);
    expect(activeCallers.isAlone('cid')).toBe(false);
    now += 200;
    expect(activeCallers.isAlone('ann')).toBe(true);
  });
});
