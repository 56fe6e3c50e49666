import { expect, it } from 'vitest';
import { boundAccept, jsonTypeFor } from '../../../../src/server/http/requests/media-types.ts';

const JSON_TYPE = 'application/json';
const GRAPHQL_TYPE = 'application/graphql-response+json';

it.each([
  [undefined, JSON_TYPE],
  ['*/*', JSON_TYPE],
  ['application/*', JSON_TYPE],
  ['application/json', JSON_TYPE],
  ['application/graphql-response+json', GRAPHQL_TYPE],
  ['application/graphql-response+json, application/json;q=0.9', GRAPHQL_TYPE],
  ['application/json, application/graphql-response+json', JSON_TYPE],
  ['text/html, */*;q=0.8', JSON_TYPE],
  ['APPLICATION/JSON', JSON_TYPE],
])('a request that accepts %s is answered in the first of these types that is JSON', (accept, type) => {
  expect(jsonTypeFor({ 'content-type': 'application/json', ...(accept && { accept }) })).toBe(type);
});

it.each([
  'text/event-stream',
  'text/event-stream, application/json',
  'application/json, text/event-stream',
  'text/html',
  'application/json;charset=latin1',
  '',
])('a request that accepts %j is left to Yoga', (accept) => {
  expect(jsonTypeFor({ 'content-type': 'application/json', accept })).toBe(undefined);
});

it.each([
  ['text/plain', undefined],
  [undefined, undefined],
  ['application/json; charset=utf-8', JSON_TYPE],
  ['application/graphql+json', JSON_TYPE],
])('a body of type %s is answered in %s', (type, expected) => {
  expect(jsonTypeFor({ ...(type && { 'content-type': type }), accept: '*/*' })).toBe(expected);
});

it.each([
  [undefined, undefined],
  ['text/event-stream', 'text/event-stream'],
  [`text/html${',text/x'.repeat(100)}`, `text/html${',text/x'.repeat(100)}`],
  [','.repeat(1001), '*/*'],
])('a request that accepts %.20s is examined no further than any client needs', (accept, examined) => {
  const headers = accept === undefined ? {} : { accept };
  boundAccept(headers);
  expect(headers.accept).toBe(examined);
});
