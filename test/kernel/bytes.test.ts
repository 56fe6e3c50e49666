import { expect, it } from 'vitest';
import { approximateBytes } from '../../src/kernel/bytes.ts';

it('counts at least the bytes of the JSON of a text, a list and an object', () => {
  const values = ['é'.repeat(1000), [1, 2, 3], { name: 'Ada', tags: ['a', 'b'], nested: { deep: 'x'.repeat(500) } }];
  for (const value of values) expect(approximateBytes(value)).toBeGreaterThanOrEqual(JSON.stringify(value).length);
});

it('grows with what is added anywhere inside', () => {
  const small = { rows: [{ text: 'a' }] };
  const large = { rows: [{ text: 'a'.repeat(10_000) }] };
  expect(approximateBytes(large) - approximateBytes(small)).toBe(2 * 9_999);
});
