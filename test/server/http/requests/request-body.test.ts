import { expect, it } from 'vitest';
import { TrustedDocuments } from '../../../../src/graphql/documents/trusted-documents.ts';
import { JsonBody, jsonRequestIn } from '../../../../src/server/http/requests/request-body.ts';

const documents = new TrustedDocuments(new Map([['abc', '{ orders }']]));
const MAX_VALUES = 200;
const LIMITS = { levels: 100, values: MAX_VALUES };
const bodyOf = (body: unknown) =>
  new JsonBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), LIMITS);
const read = (body: unknown) => jsonRequestIn(bodyOf(body), documents);

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
  expect(() => bodyOf(nested(99)).read()).toThrow('The body is nested more than 100 levels deep.');
});

it('a body with very many values is not parsed', () => {
  const long = (values: number) => ({ query: '{ a }', variables: { x: Array(values).fill(0) } });
  // The query, the variables and their field.
  expect(read(long(MAX_VALUES - 3))).toBeDefined();
  expect(read(long(MAX_VALUES - 2))).toBeUndefined();
  expect(() => bodyOf(long(MAX_VALUES - 2)).read()).toThrow(
    'The body has more than 200 elements of lists and fields of objects.',
  );
});

it('a body is parsed once, however often it is read', () => {
  const body = bodyOf({ query: '{ a }' });
  expect(body.read()).toBe(body.read());
  const broken = bodyOf('{');
  const errorOf = () => {
    try {
      return broken.read();
    } catch (error) {
      return error;
    }
  };
  expect(errorOf()).toBeInstanceOf(SyntaxError);
  expect(errorOf()).toBe(errorOf());
});
