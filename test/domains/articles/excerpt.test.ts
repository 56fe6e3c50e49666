import { describe, expect, it } from 'vitest';
import { excerptOf, MAX_EXCERPT } from '../../../src/domains/articles/excerpt.ts';
import { fc } from '../../support/properties.ts';

describe('an excerpt', () => {
  it('is the whole text where that is short', () => {
    expect(excerptOf('Short and good.')).toBe('Short and good.');
    expect(excerptOf('x'.repeat(MAX_EXCERPT))).toBe('x'.repeat(MAX_EXCERPT));
  });

  it('is on one line', () => {
    expect(excerptOf('  A heading\n\nand\ta   line.\r\n')).toBe('A heading and a line.');
  });

  it('ends after a word', () => {
    const words = 'word '.repeat(100);
    expect(excerptOf(words)).toBe(`${'word '.repeat(39)}word…`);
    // A word that ends just before the ellipsis fits; one that is a letter longer does not.
    const fits = `${'a'.repeat(150)} ${'b'.repeat(48)}`;
    expect(excerptOf(`${fits} c d`)).toBe(`${fits}…`);
    expect(excerptOf(`${fits}b c d`)).toBe(`${'a'.repeat(150)}…`);
  });

  it('cuts a first word that is too long', () => {
    expect(excerptOf('x'.repeat(500))).toBe(`${'x'.repeat(MAX_EXCERPT - 1)}…`);
    expect(excerptOf(` ${'x'.repeat(MAX_EXCERPT)} more`)).toBe(`${'x'.repeat(MAX_EXCERPT - 1)}…`);
  });

  it('cuts no character in two', () => {
    expect(excerptOf('🫖'.repeat(200))).toBe(`${'🫖'.repeat(99)}…`);
    expect(excerptOf(`x${'🫖'.repeat(200)}`)).toBe(`x${'🫖'.repeat(99)}…`);
  });

  it('is bounded, well-formed, and the beginning of the text, cut at a word if there is one', () => {
    const piece = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.constantFrom(' ', '\n', 'word', '🫖'));
    const text = fc
      .array(piece, { maxLength: 60 })
      .map((pieces) => pieces.join(' '))
      .filter((one) => one.isWellFormed());
    fc.assert(
      fc.property(text, (body) => {
        const excerpt = excerptOf(body);
        const line = body.trim().replace(/\s+/g, ' ');
        expect(excerpt.length).toBeLessThanOrEqual(MAX_EXCERPT);
        expect(excerpt.isWellFormed()).toBe(true);
        if (excerpt === line) return;
        const beginning = excerpt.slice(0, -1);
        expect(excerpt.endsWith('…')).toBe(true);
        expect(line.startsWith(beginning)).toBe(true);
        expect(line[beginning.length] === ' ' || !beginning.includes(' ')).toBe(true);
      }),
    );
  });
});
