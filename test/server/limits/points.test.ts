import { parse } from 'graphql';
import { expect, it } from 'vitest';
import { pointsOf } from '../../../src/server/limits/plugin.ts';

it.each([
  ['{ a }', 1],
  ['{ a b { c d } e: a }', 3],
  ['subscription { a }', 1],
  ['mutation { a }', 2],
  ['mutation { a b: a c: a }', 6],
  ['{ ...F ... on Query { c } } fragment F on Query { a b }', 3],
  ['{ ...F ...F } fragment F on Query { a b }', 2],
  ['{ ...F } fragment F on Query { a ...G } fragment G on Query { b ...F }', 2],
  ['{ ...Missing }', 1],
])('%s costs %i points', (document, points) => {
  expect(pointsOf(parse(document), undefined)).toBe(points);
});

it('costs are those of the operation that is run', () => {
  const document = parse('query A { a } mutation B { a b } query C { a b c }');
  expect(['A', 'B', 'C', 'B', 'D'].map((name) => pointsOf(document, name))).toEqual([1, 4, 3, 4, 1]);
});
