import { describe, expect, it } from 'vitest';
import { type CallerChecks, Visit } from '../../../src/server/limits/visit.ts';

const visitOf = () => new Visit({} as CallerChecks, 'http', '192.0.2.1');

describe('a caller who leaves', () => {
  it('is told to who asked for it, once', () => {
    const visit = visitOf();
    let told = 0;
    visit.onLeave(() => told++);
    expect(told).toBe(0);
    visit.leave();
    visit.leave();
    expect(told).toBe(1);
  });

  it('is told at once to who asks afterwards', () => {
    const visit = visitOf();
    visit.leave();
    let told = 0;
    visit.onLeave(() => told++);
    expect(told).toBe(1);
  });
});
