import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestErrorCode } from '../../graphql/errors.ts';

const JSON_TYPE = 'application/json; charset=utf-8';
const GRAPHQL_TYPE = 'application/graphql-response+json; charset=utf-8';

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
  const { retryAfterMs } = extensions;
  if (retryAfterMs !== undefined) response.setHeader('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  response.setHeader('connection', 'close');
  // Clients that know the newer media type read the errors of a 4xx only if the answer uses it.
  const type = request.headers.accept?.includes('application/graphql-response+json') ? GRAPHQL_TYPE : JSON_TYPE;
  answer(response, status, { errors: [{ message, extensions }] }, type);
}

/** Forbids browsers to guess another media type than the declared one. */
export function forbidSniffing(response: ServerResponse): void {
  response.setHeader('x-content-type-options', 'nosniff');
}
