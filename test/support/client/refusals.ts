import { expect } from 'vitest';
import type { Answer } from './http-client.ts';

/** The codes of the contract for what is wrong with a request. */
const REQUEST_ERRORS = [
  ...['CONSISTENCY_TIMEOUT', 'INVALID_TOKEN', 'FOREIGN_TOKEN', 'TOKEN_AHEAD'],
  ...['UNAUTHENTICATED', 'FORBIDDEN', 'BAD_USER_INPUT', 'THROTTLED'],
];

/** Expects an answer with errors that a client can work with: a code of the contract and a sentence, no fault of the server. */
export function expectRequestError(answer: Answer<unknown>, code?: string): void {
  expect(answer.status, answer.text).toBeLessThan(500);
  expect(answer.errors, answer.text.slice(0, 500)).toBeDefined();
  for (const { message, extensions } of answer.errors ?? []) {
    expect(message.trim()).not.toBe('');
    expect(REQUEST_ERRORS).toContain(extensions?.code);
  }
  if (code !== undefined) expect(answer.code, answer.text.slice(0, 500)).toBe(code);
}

/** Expects a command on an existing aggregate to be answered as if there were none. */
export function expectAbsent(answer: Answer<Record<string, unknown> | null | undefined>, mutation: string): void {
  expect(answer.errors, answer.text).toBeUndefined();
  expect(answer.data?.[mutation], answer.text).toMatchObject({ code: 'AGGREGATE_NOT_FOUND' });
}

/** Expects a command to be refused: the request is wrong, or the answer says why not. */
export function expectRefusal(answer: Answer<Record<string, unknown> | null | undefined>, mutation: string): void {
  const outcome = answer.data?.[mutation] as { __typename: string; code: string; message: string } | undefined;
  if (!outcome) {
    expectRequestError(answer, 'BAD_USER_INPUT');
    return;
  }
  expect(answer.status).toBe(200);
  expect(answer.errors, answer.text).toBeUndefined();
  expect(['ValidationError', 'CommandRejected', 'AggregateNotFound']).toContain(outcome.__typename);
  expect(outcome.code).toMatch(/^[A-Z_]+$/);
  expect(outcome.message.trim()).not.toBe('');
}
