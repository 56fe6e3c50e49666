import { describe, expect, it } from 'vitest';
import { searchText } from '../../../src/kernel/define/search-text.ts';

describe('text that is searched', () => {
  it.each([
    ['Émile', 'emile'],
    ['ÜBERSICHT', 'übersicht'],
    ['İstanbul', 'istanbul'],
    ['ΟΔΟΣ', 'οδος'],
    ['Ёлка', 'елка'],
    ['ﬁne №1', 'fine no1'],
    ['e\u0301', 'é'],
  ])('is the same for %s and %s', (one, other) => {
    expect(searchText(one)).toBe(searchText(other));
  });

  it('keeps letters apart that differ by more', () => {
    expect(searchText('Groß')).toBe('groß');
    expect(searchText('smør')).toBe('smør');
  });

  it('is the same when it is folded again', () => {
    for (const text of ['ÉMILE', 'İ', 'ﬀ', 'Ǆ']) expect(searchText(searchText(text))).toBe(searchText(text));
  });
});
