import { describe, expect, it } from 'vitest';
import { instantFrom, isoText } from '../../src/text/instants.ts';
import { fc } from '../support/properties.ts';

const instants = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});

describe('an instant as text', () => {
  it('is the same as of toISOString', () => {
    fc.assert(fc.property(instants, (date) => isoText(date) === date.toISOString()));
  });

  it.each([-1e13, 8.64e15])('is the same at %d ms, which is far away', (ms) => {
    expect(isoText(new Date(ms))).toBe(new Date(ms).toISOString());
  });

  it('is none for what is no instant', () => {
    expect(() => isoText(new Date(Number.NaN))).toThrow(RangeError);
  });
});

describe('an instant that Postgres has written', () => {
  const fraction = fc.option(fc.stringMatching(/^\d{1,6}$/), { nil: undefined });

  it('is read to the millisecond, in any year with four digits', () => {
    fc.assert(
      fc.property(instants, fraction, (date, digits) => {
        const seconds = date.toISOString().slice(0, 'YYYY-MM-DDThh:mm:ss'.length);
        const text = `${seconds.replace('T', ' ')}${digits === undefined ? '' : `.${digits}`}+00`;
        const ms = digits?.padEnd(3, '0').slice(0, 3) ?? '000';
        return instantFrom(text).toISOString() === `${seconds}.${ms}Z`;
      }),
    );
  });

  it.each(['infinity', '0044-03-15 00:00:00+00 BC', '10000-01-01 00:00:00+00', '2024-02-29 12:00:00+01'])(
    '%s is what Date makes of it too',
    (text) => expect(instantFrom(text)).toEqual(new Date(text)),
  );
});
