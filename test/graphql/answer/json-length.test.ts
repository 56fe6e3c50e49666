import { expect, it } from 'vitest';
import { jsonLength } from '../../../src/graphql/answer/json-length.ts';
import { fc } from '../../support/properties.ts';

const inJson = (text: string) => Buffer.byteLength(JSON.stringify(text));

it('the length of a text in JSON is that of what JSON.stringify makes of it, in bytes', () => {
  const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit }));
  fc.assert(fc.property(text, (some) => void expect(jsonLength(some)).toBe(inJson(some))));
});

it.each(['', 'plain', '\u0001'.repeat(100), '"\\\b\f\n\r\t\u007f', 'ü€😀', '\ud800', '\udc00\ud800', '  \u2028'])(
  'the length of %j is exact',
  (text) => {
    expect(jsonLength(text)).toBe(inJson(text));
  },
);
