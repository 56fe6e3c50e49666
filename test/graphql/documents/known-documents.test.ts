import { buildSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { expect, it } from 'vitest';
import { KnownDocuments } from '../../../src/graphql/documents/known-documents.ts';

function pipeline() {
  const known = new KnownDocuments(1_000_000);
  const schema = buildSchema('type Query { a: Int b: Int }');
  const yoga = createYoga({ schema, parserAndValidationCache: known.caches, plugins: [known.plugin], logging: false });
  const send = (query: string, operationName?: string) =>
    yoga.fetch('http://localhost/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, operationName }),
    });
  return { known, send };
}

it('knows a document after it was found valid, with its operations by name', async () => {
  const { known, send } = pipeline();
  const two = 'query A { a } query B { b }';
  expect(known.find(two, 'A')).toBeUndefined();
  await send(two, 'A');
  expect(known.find(two, 'A')?.operation.name?.value).toBe('A');
  expect(known.find(two, 'B')?.operation.name?.value).toBe('B');
  expect(known.find(two, undefined)).toBeUndefined();
  expect(known.find(two, 'C')).toBeUndefined();
  await send('{ a }');
  expect(known.find('{ a }', undefined)?.operation.operation).toBe('query');
});

it('does not know a document that was found invalid, however often it is sent', async () => {
  const { known, send } = pipeline();
  for (const text of ['{ nothing }', '{ a']) {
    await send(text);
    await send(text);
    expect(known.find(text, undefined)).toBeUndefined();
  }
});
