import { expect, it } from 'vitest';
import { cut } from '../../../src/domains/shared/cut.ts';

it('cuts a text after so many units, and not within a character', () => {
  expect(cut('abc', 3)).toBe('abc');
  expect(cut('abcd', 3)).toBe('abc');
  expect(cut('ab🪔', 3)).toBe('ab');
  expect(cut('ab🪔', 4)).toBe('ab🪔');
  expect(cut('a🪔b', 3)).toBe('a🪔');
});

it('puts a sign in the place of half a character', () => {
  expect(cut('a\ud83eb', 5)).toBe('a\ufffdb');
  expect(cut('a\udd94b', 2)).toBe('a\ufffd');
});
