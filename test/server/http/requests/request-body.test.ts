import { expect, it } from 'vitest';
import { TrustedDocuments } from '../../../../src/graphql/documents/trusted-documents.ts';
import { jsonRequestIn, readJson } from '../../../../src/server/http/requests/request-body.ts';

const documents = new TrustedDocuments(new Map([['abc', '{ orders }']]));
const read = (body: unknown) =>
  jsonRequestIn(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), documents);

it('a body says the document, its variables and the name of the operation', () => {
  expect(read({ query: '{ a }', variables: { x: 1 }, operationName: 'A', extensions: {} })).toEqual({
    query: '{ a }',
    variables: { x: 1 },
    operationName: 'A',
  });
});

it('a body may begin with a byte order mark, and leave out or empty what it does not need', () => {
  const expected = { query: '{ a }', variables: undefined, operationName: undefined };
  expect(read('\uFEFF{"query":"{ a }"}')).toEqual(expected);
  expect(read({ query: '{ a }', variables: null, operationName: '', extensions: null })).toEqual(expected);
});

it('a body may name a trusted document by its id', () => {
  expect(read({ documentId: 'sha256:abc' })?.query).toBe('{ orders }');
});

it.each([
  ['text that is no JSON', '{'],
  ['nothing', ''],
  ['a list', [{ query: '{ a }' }]],
  ['null', 'null'],
  ['no document', {}],
  ['an empty document', { query: '' }],
  ['a document that is no text', { query: { a: 1 } }],
  ['an unknown parameter', { query: '{ a }', more: 1 }],
  ['variables that are a list', { query: '{ a }', variables: [1] }],
  ['variables that are text', { query: '{ a }', variables: '{}' }],
  ['extensions that are a number', { query: '{ a }', extensions: 1 }],
  ['a name that is no text', { query: '{ a }', operationName: 1 }],
  ['an id that is not trusted', { documentId: 'sha256:other' }],
])('a body with %s asks for nothing', (_, body) => {
  expect(read(body)).toBeUndefined();
});

it('a body that is nested very deeply is not parsed', () => {
  const nested = (levels: number) => `{"query":"{ a }","variables":{"x":${'['.repeat(levels)}${']'.repeat(levels)}}}`;
  expect(read(nested(98))).toBeDefined();
  expect(read(nested(99))).toBeUndefined();
  expect(() => readJson(Buffer.from(nested(99)))).toThrow('The body is nested more than 100 levels deep.');
});
