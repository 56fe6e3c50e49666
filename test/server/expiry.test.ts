import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { atMoment } from '../../src/server/expiry.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.runAllTimers();
  vi.useRealTimers();
});

const inMs = (ms: number) => new Date(Date.now() + ms);

it('runs each at its moment, in whatever order they were asked for', () => {
  const ran: string[] = [];
  atMoment(inMs(3000), () => ran.push('third'));
  atMoment(inMs(1000), () => ran.push('first'));
  atMoment(inMs(2000), () => ran.push('second'));
  vi.advanceTimersByTime(999);
  expect(ran).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ran).toEqual(['first']);
  vi.advanceTimersByTime(2000);
  expect(ran).toEqual(['first', 'second', 'third']);
});

it('runs all of one moment but what was cancelled', () => {
  const ran: string[] = [];
  const moment = inMs(1000);
  atMoment(moment, () => ran.push('one'));
  const cancel = atMoment(moment, () => ran.push('two'));
  atMoment(moment, () => ran.push('three'));
  cancel();
  vi.advanceTimersByTime(1000);
  expect(ran).toEqual(['one', 'three']);
});

it('runs what is asked for after everything else of that moment was cancelled', () => {
  const ran: string[] = [];
  const moment = inMs(1000);
  atMoment(moment, () => ran.push('cancelled'))();
  atMoment(moment, () => ran.push('asked for'));
  vi.advanceTimersByTime(1000);
  expect(ran).toEqual(['asked for']);
});

it('runs at once what has passed already', () => {
  const ran: string[] = [];
  atMoment(inMs(-1), () => ran.push('past'));
  vi.advanceTimersByTime(1);
  expect(ran).toEqual(['past']);
});

it('waits longer than a timer can', () => {
  const ran: string[] = [];
  const month = 31 * 24 * 3_600_000;
  atMoment(inMs(month), () => ran.push('at last'));
  vi.advanceTimersByTime(month - 1);
  expect(ran).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ran).toEqual(['at last']);
});

it('notices within ten seconds that the clock was put forward', () => {
  const ran: string[] = [];
  atMoment(inMs(3_600_000), () => ran.push('due'));
  vi.setSystemTime(inMs(3_600_000));
  vi.advanceTimersByTime(10_000);
  expect(ran).toEqual(['due']);
});

it('runs in the order of their moments what has become due while the process was busy', () => {
  const ran: string[] = [];
  atMoment(inMs(2000), () => ran.push('second'));
  atMoment(inMs(1000), () => ran.push('first'));
  vi.setSystemTime(inMs(5000));
  vi.advanceTimersByTime(1000);
  expect(ran).toEqual(['first', 'second']);
});
