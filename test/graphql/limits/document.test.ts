import { describe, expect, it } from 'vitest';
import { documentCaches, parseWithin } from '../../../src/graphql/limits/document.ts';

const limits = { length: 1000, tokens: 20 };

describe('a document', () => {
  it('is parsed only if it is short enough', () => {
    const document = (length: number) => `{ a }${' '.repeat(length - 5)}`;
    expect(parseWithin(document(1000), limits).definitions).toHaveLength(1);
    expect(() => parseWithin(document(1001), limits)).toThrow(
      'The document is 1001 characters long; at most 1000 are allowed. Send values as variables.',
    );
  });

  it('is parsed only as far as it may have tokens', () => {
    const document = (tokens: number) => `{ ${'a '.repeat(tokens - 2)}}`;
    expect(parseWithin(document(20), limits).definitions).toHaveLength(1);
    expect(() => parseWithin(document(21), limits)).toThrow('Token limit of 20 exceeded.');
    // The rest of the document after the limit is not read.
    expect(() => parseWithin(`${document(30)} §`, limits)).toThrow('Token limit of 20 exceeded.');
  });

  it.each(['\n', '\r', '\r\n'])('has at most two lines a token (%j)', (lineBreak) => {
    expect(() => parseWithin(`{ a }${lineBreak.repeat(41)}`, limits)).toThrow('The document has more than 40 lines.');
    expect(parseWithin(`{ a }${'\n'.repeat(39)}`, limits).definitions).toHaveLength(1);
  });

  it('that is no GraphQL is refused as such', () => {
    expect(() => parseWithin('{ a', limits)).toThrow('Syntax Error: Expected Name, found <EOF>.');
  });
});

describe('the caches of documents', () => {
  it('hold as many as fit into their bytes, and none that is too large', () => {
    const { documentCache, errorCache } = documentCaches(160_000);
    for (let n = 0; n < 1000; n++) {
      const text = `{ a${n} ${'b '.repeat(10)}}`;
      documentCache.set(text, parseWithin(text, limits));
      errorCache.set(text, new Error('x'));
    }
    expect(documentCache.calculatedSize).toBeLessThanOrEqual(150_000);
    expect(documentCache.size).toBeGreaterThan(5);
    expect(documentCache.size).toBeLessThan(30);
    expect(errorCache.calculatedSize).toBeLessThanOrEqual(10_000);
    expect(errorCache.size).toBeGreaterThan(5);
    errorCache.set('x'.repeat(100_000), new Error('x'));
    expect(errorCache.get('x'.repeat(100_000))).toBeUndefined();
  });
});
