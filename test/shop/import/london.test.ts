import { describe, expect, it } from 'vitest';
import { parseLondonTime } from '../../../src/shop/import/london.ts';

const instant = (text: string) => parseLondonTime(text)?.toISOString();

describe("an invoice's date, by the clocks of London", () => {
  it('is UTC in winter', () => {
    expect(instant('12/1/10 8:26')).toBe('2010-12-01T08:26:00.000Z');
    expect(instant('1/31/2011 00:05')).toBe('2011-01-31T00:05:00.000Z');
  });

  it('is an hour ahead of UTC in summer', () => {
    expect(instant('7/15/11 0:30')).toBe('2011-07-14T23:30:00.000Z');
  });

  it('is right on both sides of the night when the clocks are put forward', () => {
    expect(instant('3/27/11 0:59')).toBe('2011-03-27T00:59:00.000Z');
    expect(instant('3/27/11 2:00')).toBe('2011-03-27T01:00:00.000Z');
  });

  it('does not exist in the hour that the clocks jump over', () => {
    expect(instant('3/27/11 1:30')).toBeUndefined();
  });

  it('is the first of both if the clocks show an hour twice', () => {
    expect(instant('10/30/11 1:30')).toBe('2011-10-30T00:30:00.000Z');
    expect(instant('10/30/11 2:00')).toBe('2011-10-30T02:00:00.000Z');
  });

  it.each([
    '',
    '13/1/10 8:26',
    '2/29/10 8:26',
    '0/1/10 8:26',
    '12/1/10 24:00',
    '12/1/10 8:60',
    '12/1/10',
    '2010-12-01 08:26',
  ])('is not %j', (text) => {
    expect(parseLondonTime(text)).toBeUndefined();
  });
});
