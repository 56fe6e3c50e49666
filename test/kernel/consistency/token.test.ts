import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TokenError, Tokens } from '../../../src/kernel/consistency/token.ts';
import { cloneDatabase } from '../../support/postgres/database.ts';
import { fc } from '../../support/properties.ts';

const tokens = new Tokens('0f8fad5b-d9cb-469f-a165-70867728950e');
/** The characters of a token: each stands for six bits, and they are sorted. */
const CHARACTERS = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const position = fc.oneof(fc.nat(), fc.maxSafeNat());

function codeOf(token: string): string {
  try {
    tokens.decode(token);
    return 'none';
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

describe('a token', () => {
  it('decodes to the position that it was encoded from', () => {
    fc.assert(fc.property(position, (at) => void expect(tokens.decode(tokens.encode(at))).toBe(at)));
  });

  it('is as long for every position, and fits into a header, a cookie and a URL', () => {
    fc.assert(fc.property(position, (at) => void expect(tokens.encode(at)).toMatch(/^[A-Za-z0-9_-]{36}$/)));
  });

  it('is the greater text if it is of the later position of one store', () => {
    fc.assert(
      fc.property(position, position, (one, other) => {
        expect(tokens.encode(one) < tokens.encode(other)).toBe(one < other);
      }),
    );
  });

  it('is the same for the same position, on every server of the store', () => {
    const elsewhere = new Tokens('0F8FAD5B-D9CB-469F-A165-70867728950E');
    expect(elsewhere.encode(42)).toBe(tokens.encode(42));
    expect(elsewhere.decode(tokens.encode(42))).toBe(42);
  });

  it('of a former release is read as it was', () => {
    const former = 'AQ-PrVvZy0afoWVwhncolQ4AAAAAAAAAKuwB';
    expect(tokens.decode(former)).toBe(42);
  });
});

describe('what is no token', () => {
  it.each(['', 'x', 'null', '0'.repeat(36), '='.repeat(36), 'é'.repeat(36), ' '.repeat(36), 'A'.repeat(10_000)])(
    'is invalid: %j',
    (text) => {
      expect(codeOf(text)).toBe('INVALID_TOKEN');
    },
  );

  it('is any other text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ minLength: 36, maxLength: 36 })), (text) => {
        expect(codeOf(text)).toBe('INVALID_TOKEN');
      }),
    );
  });

  it('is a token that was cut off or added to', () => {
    const token = tokens.encode(1234);
    for (let length = 0; length < token.length; length++) {
      expect(codeOf(token.slice(0, length))).toBe('INVALID_TOKEN');
      expect(codeOf(token.slice(length + 1))).toBe('INVALID_TOKEN');
    }
    expect(codeOf(`${token}A`)).toBe('INVALID_TOKEN');
    expect(codeOf(` ${token}`)).toBe('INVALID_TOKEN');
  });

  it('is a token of which any bit was turned', () => {
    fc.assert(
      fc.property(position, (at) => {
        const token = tokens.encode(at);
        for (let place = 0; place < token.length; place++) {
          for (let bit = 0; bit < 6; bit++) {
            const turned = CHARACTERS[CHARACTERS.indexOf(token[place] ?? '') ^ (1 << bit)];
            expect(codeOf(`${token.slice(0, place)}${turned}${token.slice(place + 1)}`)).toBe('INVALID_TOKEN');
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('a token of another store', () => {
  it('is foreign', () => {
    fc.assert(
      fc.property(fc.uuid(), position, (epoch, at) => {
        expect(codeOf(new Tokens(epoch).encode(at))).toBe('FOREIGN_TOKEN');
      }),
    );
  });

  it('is foreign because every store has an epoch of its own', async () => {
    const stores = await Promise.all([cloneDatabase(), cloneDatabase()]);
    const epochs = await Promise.all(stores.map(async ({ sql }) => (await sql`select epoch from es.store`)[0]?.epoch));
    await Promise.all(stores.map((store) => store.drop()));
    expect(new Set([...epochs, randomUUID()]).size).toBe(3);
  });
});
