import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestErrorCode } from '../../graphql/errors.ts';
import { challenge, retryAfter } from './answer-head.ts';
import { answerTypeFor } from './requests/media-types.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with JSON that no cache may keep. */
export function answer(response: ServerResponse, status: number, body: unknown, type = JSON_TYPE): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** An error in the form that GraphQL clients read. */
export interface AnsweredError {
  readonly code: RequestErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
  readonly correlationId?: string;
}

/**
 * Answers a request that is refused before its operation is read. Its body is not read, so the connection is closed.
 */
export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  { message, ...extensions }: AnsweredError,
): void {
  for (const [name, value] of Object.entries(retryAfter(extensions.retryAfterMs ?? 0))) response.setHeader(name, value);
  if (status === 401) response.setHeader('www-authenticate', challenge(request.headers.authorization !== undefined));
  response.setHeader('connection', 'close');
  // Clients that know the newer media type read the errors of a 4xx only if the answer uses it.
  const type = answerTypeFor(request.headers.accept) ?? 'application/json';
  answer(response, status, { errors: [{ message, extensions }] }, `${type}; charset=utf-8`);
}

/** Forbids browsers to guess another media type than the declared one. */
export function forbidSniffing(response: ServerResponse): void {
  response.setHeader('x-content-type-options', 'nosniff');
}
