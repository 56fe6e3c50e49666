import { expect, it } from 'vitest';
import { repeatedTypes } from '../../scripts/repeated-types.ts';

it('finds a type that two files declare, whatever kind it is', () => {
  const sources = new Map([
    ['src/b.ts', 'export interface Row {\n  readonly id: string;\n}\ntype Key = string;\n'],
    ['src/a.ts', 'type Row = Record<string, unknown>;\nexport abstract class Key {}\n'],
    ['src/c.ts', 'class Line {}\n'],
  ]);
  expect([...repeatedTypes(sources)]).toEqual([
    ['Row', ['src/a.ts', 'src/b.ts']],
    ['Key', ['src/a.ts', 'src/b.ts']],
  ]);
});

it('ignores overloads of one file, comments, imports and merged declarations', () => {
  const sources = new Map([
    ['src/a.ts', 'export interface Row {}\nexport class Row {}\nexport interface Types {}\n'],
    ['src/b.ts', "import type { Row } from './a.ts';\nexport type { Row } from './a.ts';\n// type Row = string\n"],
    ['src/c.ts', "declare module './a.ts' {\n  interface Types {\n    readonly own: true;\n  }\n}\n"],
  ]);
  expect([...repeatedTypes(sources)]).toEqual([]);
});
