import { buildSchema, OverlappingFieldsCanBeMergedRule, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { overlappingFieldsRule } from '../../../src/graphql/limits/overlapping-fields.ts';
import { fc } from '../../support/properties.ts';

const schema = buildSchema(`
  interface Node { id: ID! self(n: Int, o: In): Node name: String list: [Node!] }
  input In { a: Int b: Int }
  type Cat implements Node { id: ID! self(n: Int, o: In): Node name: String list: [Node!] age: Int same: Dog }
  type Dog implements Node { id: ID! self(n: Int, o: In): Node name: String list: [Node!] age: String same: Cat }
  union Pet = Cat | Dog
  type Query { node: Node pet: Pet cat: Cat dog: Dog }
`);

const errorsOf = (document: string, rule: typeof overlappingFieldsRule) =>
  validate(schema, parse(document), [rule]).map(({ message }) => message);
const agrees = (document: string) => {
  const ours = errorsOf(document, overlappingFieldsRule);
  const theirs = errorsOf(document, OverlappingFieldsCanBeMergedRule);
  expect(ours.length > 0, `${document}\n${ours}\n${theirs}`).toBe(theirs.length > 0);
};

describe('fields with one name in the answer', () => {
  it.each([
    ['{ cat { id id } }', 0],
    ['{ cat { x: id x: name } }', 1],
    ['{ node { self(n: 1) { id } self(n: 2) { id } } }', 1],
    ['{ node { self(o: { a: 1, b: 2 }) { id } self(o: { b: 2, a: 1 }) { id } } }', 0],
    ['{ pet { ... on Cat { x: age } ... on Dog { x: name } } }', 1],
    ['{ pet { ... on Cat { x: id } ... on Dog { x: self { id } } } }', 1],
    ['{ pet { ... on Cat { x: name } ... on Dog { x: age } } }', 0],
    ['{ pet { ... on Cat { x: same { y: name } } ... on Dog { x: same { y: age } } } }', 1],
    ['{ node { x: name ... on Cat { x: id } } }', 1],
    // `age` does not exist on Node; on the others it has two types.
    ['{ node { age ... on Cat { age } ... on Dog { age } } }', 1],
    ['fragment A on Cat { x: id x: name } { cat { id } }', 1],
    ['{ cat { ...A ...B } } fragment A on Cat { x: self { y: id } } fragment B on Cat { x: self { y: name } }', 1],
  ])('%s: %i conflicts', (document, count) => {
    expect(errorsOf(document, overlappingFieldsRule)).toHaveLength(count);
    agrees(document);
  });

  it('conflict exactly if the rule of graphql-js says so', () => {
    const name = fc.constantFrom('', 'x: ', 'y: ');
    const leaf = fc.tuple(name, fc.constantFrom('id', 'name', 'age')).map((parts) => parts.join(''));
    const { selections } = fc.letrec<{ selections: string; selection: string }>((tie) => ({
      selections: fc.array(tie('selection'), { minLength: 1, maxLength: 4 }).map((all) => `{ ${all.join(' ')} }`),
      selection: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        fc
          .tuple(name, fc.constantFrom('self', 'same', 'self(n: 1)', 'list'), tie('selections'))
          .map((parts) => parts.join(' ')),
        fc.tuple(fc.constantFrom('Cat', 'Dog', 'Node'), tie('selections')).map(([on, set]) => `... on ${on} ${set}`),
        fc.constantFrom('...A', '...B'),
      ),
    }));
    const document = fc
      .tuple(fc.constantFrom('node', 'pet', 'cat'), selections, selections, selections)
      .map(([root, query, a, b]) => {
        const fragmentA = `fragment A on Cat ${a.replaceAll('...A', '...B')}`;
        return `{ ${root} ${query} } ${fragmentA} fragment B on Node ${b.replaceAll(/\.\.\.[AB]/g, 'id')}`;
      });
    fc.assert(fc.property(document, agrees), { numRuns: 1000 });
  });
});
