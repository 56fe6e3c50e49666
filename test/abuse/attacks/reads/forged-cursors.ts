import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';

const FIELDS = ['notes', 'orders', 'products', 'accounts', 'transfers', 'articleCards', 'authors', 'customers'];

const cursor = (key: unknown) => Buffer.from(JSON.stringify(key)).toString('base64url');
/** Keys that no list has, or that Postgres may not take. */
const KEYS: readonly unknown[] = [
  [],
  {},
  null,
  ['\u0000', randomUUID()],
  ['\ud800', randomUUID()],
  [1e308, randomUUID()],
  [{ a: [[[]]] }, randomUUID()],
  ['9999-12-31T23:59:59.999999Z', randomUUID()],
  ['-infinity', randomUUID()],
  ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  ['2026-01-01T00:00:00Z', "' or true --"],
  Array(1_000).fill('x'),
];
/** Searches that are hard for whoever takes them for patterns. */
const SEARCHES = [
  '%'.repeat(999),
  '_%'.repeat(499),
  "''&|!():*<->".repeat(80),
  'a '.repeat(20),
  '\u0301'.repeat(999),
  '\ufb03'.repeat(999),
  'a,'.repeat(499),
  `${'ﷺ'.repeat(900)}`,
  '\\'.repeat(999),
  `${'a'.repeat(999)}`,
  'İ'.repeat(900),
];

export const forgedCursors: Attack = {
  name: 'forged-cursors',
  description: 'pages with cursors that no list has given, in both directions, and searches for patterns and marks',
  run: async (attacker) => {
    const { token } = await attacker.customer();
    await attacker.repeat(32, 50_000, (nth) => {
      const field = FIELDS[nth % FIELDS.length];
      const key = cursor(KEYS[(nth >> 3) % KEYS.length]);
      if (nth % 3 === 0) {
        const search = SEARCHES[(nth >> 2) % SEARCHES.length];
        const lists = ['notes', 'orders'].map(
          (list) => `${list}(first: 100, filter: { search: $search }) { totalCount nodes { id } }`,
        );
        return attacker.query(`query ($search: String) { ${lists.join(' ')} }`, { search }, token);
      }
      const page = nth % 2 === 0 ? 'first: 100, after: $key' : 'last: 100, before: $key';
      return attacker.query(`query ($key: String) { ${field}(${page}) { totalCount nodes { id } } }`, { key }, token);
    });
  },
};
