import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildSchema } from 'graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DocumentsError, idOf, readDocuments } from '../../../src/graphql/documents/read-documents.ts';

const schema = buildSchema('type Query { order(id: ID!): Order } type Order { id: ID! total: Int! }');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'documents-'));
});
afterEach(() => rm(folder, { recursive: true }));
const write = async (name: string, text: string) => {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
};

describe('a folder of documents', () => {
  it('gives each operation an id, with the fragments that it uses from whichever file', async () => {
    await write('orders/one.graphql', 'query One { order(id: 1) { ...Shown } } query Bare { order(id: 2) { id } }');
    await write('shown.gql', 'fragment Shown on Order { id total }');
    await write('notes.txt', 'this is no document');
    const documents = await readDocuments(folder, schema);
    const texts = [...documents.values()];
    expect(texts).toHaveLength(2);
    expect(texts.find((text) => text.includes('query One'))).toContain('fragment Shown on Order');
    expect(texts.find((text) => text.includes('query Bare'))).not.toContain('fragment');
    for (const [id, text] of documents) expect(id).toBe(idOf(text));
  });

  it.each([
    ['asks for what is not there', 'query Bad { order(id: 1) { weight } }', /weight/],
    ['does not parse', 'query Bad {', /Syntax Error/],
    ['has an operation without a name', '{ order(id: 1) { id } }', /has a name/],
    ['uses a fragment that is nowhere', 'query Bad { order(id: 1) { ...Nowhere } }', /Nowhere/],
  ])('is refused in words if it %s', async (_, text, words) => {
    await write('bad.graphql', text);
    const refused = readDocuments(folder, schema);
    await expect(refused).rejects.toThrow(DocumentsError);
    await expect(refused).rejects.toThrow(words);
  });

  it('is refused if there is none in it, or if it is not there', async () => {
    await expect(readDocuments(folder, schema)).rejects.toThrow(/no .graphql file/);
    await expect(readDocuments(join(folder, 'nowhere'), schema)).rejects.toThrow(/ENOENT/);
  });
});

describe('a file of documents', () => {
  it('is taken with the ids that it has', async () => {
    const text = '{ order(id: 1) { id } }';
    await write('documents.json', JSON.stringify({ 'sha256:abc': text, def: text }));
    const documents = await readDocuments(join(folder, 'documents.json'), schema);
    expect([...documents]).toEqual([
      ['abc', text],
      ['def', text],
    ]);
  });

  it.each([
    ['is no JSON', '{', /JSON/],
    ['is a list', '[]', /no object/],
    ['holds what is no text', '{ "a": 1 }', /a is no text/],
    ['holds a document that the schema does not answer', '{ "a": "{ nothing }" }', /nothing/],
  ])('is refused in words if it %s', async (_, text, words) => {
    await write('documents.json', text);
    await expect(readDocuments(join(folder, 'documents.json'), schema)).rejects.toThrow(words);
  });
});
