import { expect, it } from 'vitest';
import { excessOf } from '../../../../src/server/http/requests/json-shape.ts';
import { fc } from '../../../support/properties.ts';

const isDeeper = (text: string, levels: number) =>
  excessOf(Buffer.from(text), { levels, values: Number.POSITIVE_INFINITY }) === 'levels';
const hasMore = (text: string, values: number) =>
  excessOf(Buffer.from(text), { levels: Number.POSITIVE_INFINITY, values }) === 'values';

it.each([
  ['[[[]]]', 3],
  ['{"a":{"b":[1,2]},"c":[[]]}', 3],
  ['[[],[],[[]],[]]', 3],
  ['["[[[[", "\\"[[[[", "\\\\", [[]], "é[[[["]', 3],
  ['"[[[["', 0],
])('%s has %i levels', (text, levels) => {
  expect(isDeeper(text, levels)).toBe(false);
  if (levels > 0) expect(isDeeper(text, levels - 1)).toBe(true);
});

it('the levels of any JSON are those of its values', () => {
  const levelsOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(levelsOf)) : 0;
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const levels = levelsOf(value);
      const text = JSON.stringify(value);
      expect(isDeeper(text, levels)).toBe(false);
      expect(levels > 0 && !isDeeper(text, levels - 1)).toBe(false);
    }),
  );
});

it.each([
  ['[1,2,3]', 3],
  ['{"a":{"b":[1,2]},"c":"[,,,"}', 5],
  ['"a,b,c"', 0],
])('%s has %i values', (text, values) => {
  expect(hasMore(text, values)).toBe(false);
  if (values > 0) expect(hasMore(text, values - 1)).toBe(true);
});

it('the values of any JSON are the elements of its lists and the fields of its objects, empty ones counted as one', () => {
  const valuesOf = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 0;
    const parts = Object.values(value);
    return Math.max(1, parts.length) + parts.reduce<number>((sum, part) => sum + valuesOf(part), 0);
  };
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const values = valuesOf(value);
      const text = JSON.stringify(value);
      expect(hasMore(text, values)).toBe(false);
      expect(values > 0 && !hasMore(text, values - 1)).toBe(false);
    }),
  );
});
