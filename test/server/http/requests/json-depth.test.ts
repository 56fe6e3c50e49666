import { expect, it } from 'vitest';
import { isNestedDeeper } from '../../../../src/server/http/requests/json-depth.ts';
import { fc } from '../../../support/properties.ts';

const isDeeper = (text: string, levels: number) => isNestedDeeper(Buffer.from(text), levels);

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
