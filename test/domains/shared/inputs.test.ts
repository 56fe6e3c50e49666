import { describe, expect, it } from 'vitest';
import { AddressInput } from '../../../src/domains/shared/address.ts';
import { id, newId, quantity, text } from '../../../src/domains/shared/fields.ts';
import { MoneyInput } from '../../../src/domains/shared/money.ts';
import { HOME, uuid } from '../fixtures.ts';

const messages = (result: { error?: { issues: { message: string }[] } | undefined }) =>
  result.error?.issues.map((issue) => issue.message) ?? [];

describe('money', () => {
  it.each([0, 1, 1999, Number.MAX_SAFE_INTEGER])('takes %d minor units', (amount) => {
    expect(MoneyInput.parse({ amount, currency: 'GBP' })).toEqual({ amount, currency: 'GBP' });
  });

  it.each([-1, 0.5, Number.MAX_SAFE_INTEGER + 1, Number.NaN, '5', null])('refuses the amount %s', (amount) => {
    expect(MoneyInput.safeParse({ amount, currency: 'GBP' }).success).toBe(false);
  });

  it.each(['gbp', 'GB', 'GBPP', '£', '', 'GBP\n', 'ÄBC'])('refuses the currency %j', (currency) => {
    expect(messages(MoneyInput.safeParse({ amount: 1, currency }))).toEqual([
      'A currency must be three upper-case letters, such as GBP.',
    ]);
  });
});

describe('an address', () => {
  it('is trimmed, and its second line may be left out, null or blank', () => {
    expect(AddressInput.parse({ ...HOME, city: '  Leeds ' })).toEqual(HOME);
    expect(AddressInput.parse({ ...HOME, line2: undefined }).line2).toBeUndefined();
    expect(AddressInput.parse({ ...HOME, line2: ' ' }).line2).toBe('');
  });

  it.each(['line1', 'city', 'postalCode', 'country'])('needs its %s', (field) => {
    expect(AddressInput.safeParse({ ...HOME, [field]: ' \t' }).success).toBe(false);
    expect(AddressInput.safeParse({ ...HOME, [field]: null }).success).toBe(false);
  });

  it.each(['line1', 'line2', 'city', 'postalCode', 'country'])('has at most 200 characters in its %s', (field) => {
    expect(AddressInput.safeParse({ ...HOME, [field]: 'x'.repeat(200) }).success).toBe(true);
    expect(AddressInput.safeParse({ ...HOME, [field]: 'x'.repeat(201) }).success).toBe(false);
  });
});

describe('fields', () => {
  it('write ids in lower case, so that they compare as strings', () => {
    expect(id('An id.').parse(uuid(0xabc).toUpperCase())).toBe(uuid(0xabc));
  });

  it('take only a UUID for an id', () => {
    expect(messages(id('An id.').safeParse('42'))).toEqual(['An id must be a UUID.']);
  });

  it('let a new id be left out or null', () => {
    expect(newId().parse(undefined)).toBeUndefined();
    expect(newId().parse(null)).toBeNull();
    expect(messages(newId().safeParse(''))).toEqual(['An id must be a UUID.']);
  });

  it('trim text before they measure it', () => {
    const field = text('A name', 3, 'A name.');
    expect(field.parse('  abc  ')).toBe('abc');
    expect(messages(field.safeParse('   '))).toEqual(['A name must not be blank.']);
    expect(messages(field.safeParse('abcd'))).toEqual(['A name must not be longer than 3 characters.']);
  });

  it.each([0, -1, 1_000_001, 1.5, 2 ** 31])('refuse the quantity %d', (value) => {
    expect(quantity('How many.').safeParse(value).success).toBe(false);
  });

  it.each([1, 1_000_000])('take the quantity %d', (value) => {
    expect(quantity('How many.').parse(value)).toBe(value);
  });
});
