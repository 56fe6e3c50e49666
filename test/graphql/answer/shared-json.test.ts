import { describe, expect, it } from 'vitest';
import { SharedJson, sharedResult } from '../../../src/graphql/answer/shared-json.ts';
import { fc } from '../../support/properties.ts';

const LARGE = 'é'.repeat(20_000);

describe('JSON that many subscribers get', () => {
  it('is what JSON.stringify writes, whatever its size and the pieces it was written in', () => {
    const size = fc.constantFrom(0, 10, 20_000, 300_000);
    const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue()), size, fc.nat(), (value, length, cut) => {
      const whole = { ...value, padding: 'ß'.repeat(length) };
      const bytes = Buffer.from(JSON.stringify(whole));
      const at = 1 + (cut % (bytes.length - 1));
      const written = [bytes.subarray(0, at), bytes.subarray(at)];
      for (const shared of [new SharedJson(bytes.toString()), new SharedJson(written)]) {
        expect(shared.text).toBe(bytes.toString());
        expect(shared.bytes).toBe(bytes.length);
        expect(bytes.equals(Buffer.concat(shared.pieces ?? [Buffer.from(shared.text)]))).toBe(true);
        expect(JSON.parse(shared.with('more', { of: 'it' }).text)).toEqual({
          ...(JSON.parse(bytes.toString()) as object),
          more: { of: 'it' },
        });
      }
    });
    fc.assert(property);
  });

  it('is kept as bytes only if it is large', () => {
    expect(new SharedJson('{"a":1}').pieces).toBeUndefined();
    expect(new SharedJson(JSON.stringify({ LARGE })).pieces).toHaveLength(1);
  });

  it('is the message of a subscription, with its errors and extensions', () => {
    const errors = [{ message: 'No' }] as never;
    const message = sharedResult(new SharedJson('{"data":{"a":1},"errors":[{"message":"No"}]}'), errors, {
      token: 't',
    });
    expect(message.data).toEqual({ a: 1 });
    // A copy is sent as the message is, and its data is not parsed to make it.
    const copy = { ...message };
    expect(Object.keys(copy)).not.toContain('data');
    expect(copy).toMatchObject({ errors, extensions: { token: 't' } });
    expect(JSON.parse(copy.stringify())).toEqual({ data: { a: 1 }, errors, extensions: { token: 't' } });
  });
});
