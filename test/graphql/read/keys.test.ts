import {
  bigint,
  integer,
  numeric,
  type PgColumnBuilderBase,
  pgTable,
  serial,
  smallint,
  text,
} from 'drizzle-orm/pg-core';
import { expect, it } from 'vitest';
import { BadUserInputError } from '../../../src/graphql/errors.ts';
import { keyFor } from '../../../src/graphql/read/text.ts';

/** The key of a read model with this column, as it is read. */
function keyOf(column: PgColumnBuilderBase, key: string): string {
  const table = pgTable('seats', { seat: column });
  return keyFor({ key: [{ property: 'seat', column: table.seat }] } as never, key);
}

it.each<[string, PgColumnBuilderBase, string, string]>([
  ['a smallint', smallint(), '-32768', '32767'],
  ['an integer', integer(), '-2147483648', '2147483647'],
  ['a serial', serial(), '-2147483648', '2147483647'],
  ['a bigint', bigint({ mode: 'bigint' }), '-9223372036854775808', '9223372036854775807'],
  ['a bigint that is read as a number', bigint({ mode: 'number' }), '-9007199254740992', '9007199254740991'],
])('a key that is %s is a whole number of its range', (_, column, least, most) => {
  for (const key of [least, most, '0', '7']) expect(keyOf(column, key)).toBe(key);
  expect(keyOf(column, '007')).toBe('7');
  for (const key of [
    String(BigInt(least) - 1n),
    String(BigInt(most) + 1n),
    'abc',
    '',
    ' 1',
    '1.5',
    '1e3',
    '0x10',
    'NaN',
  ]) {
    expect(() => keyOf(column, key), key).toThrow(BadUserInputError);
  }
  expect(() => keyOf(column, '9'.repeat(100_000))).toThrow(/^"9{60}" is not a key: keys are whole numbers from /);
});

it('a key that is another number is a decimal number', () => {
  for (const key of ['12', '-0.5', '12.50']) expect(keyOf(numeric(), key)).toBe(key);
  for (const key of ['abc', '', '.', '1e400', 'NaN', '9'.repeat(31)]) {
    expect(() => keyOf(numeric(), key), key).toThrow(BadUserInputError);
  }
});

it('a key that is a text is any text that can be stored', () => {
  expect(keyOf(text(), 'abc')).toBe('abc');
  expect(() => keyOf(text(), 'a\0b')).toThrow(BadUserInputError);
});
