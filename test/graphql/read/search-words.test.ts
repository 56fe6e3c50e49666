import { describe, expect, it } from 'vitest';
import { searchWords } from '../../../src/graphql/read/search-words.ts';

describe('a search', () => {
  it.each([
    [null, []],
    ['  ', []],
    [' Ébony  teapot ', ['Ébony', 'teapot']],
    [
      'ada@example.org 018f3c1e-aaaa-7bbb-8ccc-0123456789ab',
      ['ada@example.org', '018f3c1e-aaaa-7bbb-8ccc-0123456789ab'],
    ],
    ['가'.repeat(1000), ['가'.repeat(1000)]],
  ])('of %j has the words %j', (search, words) => {
    expect(searchWords(search)).toEqual(words);
  });

  it.each([
    ['more characters than anybody types', 'x'.repeat(1001), 'at most 1000 characters'],
    ['more words', 'a '.repeat(21), 'at most 20 words'],
    ['characters that become more words when they are normalised', '\ufdfa'.repeat(7), 'at most 20 words'],
    ['a word that is looked up in more parts', 'a,'.repeat(101), 'at most 100 groups'],
    ['fractions that become as many', '½'.repeat(101), 'at most 100 groups'],
  ])('with %s is refused', (_, search, reason) => {
    expect(() => searchWords(search)).toThrow(reason);
  });
});
