import { expect, it } from 'vitest';
import { RecentRows } from '../../../../src/kernel/read/fold/recent-rows.ts';
import type { RowWithMeta } from '../../../../src/kernel/read/fold/working-rows.ts';

const stored = (text: string, lastPosition = 1): RowWithMeta => ({
  row: { text },
  ...{ lastPosition, staleSince: null, validFrom: null, keptIn: null },
});
const large = 'x'.repeat(100_000);
const written = (rows: Readonly<Record<string, RowWithMeta>>, removed: readonly string[] = []) => ({
  upserts: new Map(Object.entries(rows)),
  keys: new Set([...Object.keys(rows), ...removed]),
});
const keys = (...names: string[]) => new Map(names.map((name) => [name, name]));
const knownOf = (recent: RecentRows, ...names: string[]) =>
  recent.take(keys(...names)).known.map(({ lastPosition }) => lastPosition);

it('gives large rows back as they were written last, and leaves the others to be read', () => {
  const recent = new RecentRows();
  recent.written(written({ a: stored(large, 1), b: stored('small', 1) }));
  recent.written(written({ a: stored(large, 2) }));
  const { known, others } = recent.take(keys('a', 'b', 'c'));
  expect(known).toMatchObject([{ row: { text: large }, lastPosition: 2 }]);
  expect([...others.keys()]).toEqual(['b', 'c']);
});

it('forgets rows that were removed, have become small, or were written by a large batch', () => {
  const recent = new RecentRows();
  recent.written(written({ a: stored(large), b: stored(large), c: stored(large), d: stored(large) }));
  recent.written(written({ b: stored('small') }, ['a']));
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`row ${n}`, stored(large)]));
  recent.written(written({ ...many, c: stored(large, 2) }));
  expect(knownOf(recent, 'a', 'b', 'c', 'd', 'row 1')).toEqual([1]);
  recent.clear();
  expect(knownOf(recent, 'd')).toEqual([]);
});

it('is bounded in bytes', () => {
  const recent = new RecentRows();
  for (let n = 0; n < 100; n++) recent.written(written({ [`row ${n}`]: stored(large, n) }));
  const known = knownOf(recent, ...Array.from({ length: 100 }, (_, n) => `row ${n}`));
  expect(known.length).toBeLessThan(30);
  expect(known.at(-1)).toBe(99);
});
