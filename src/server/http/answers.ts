import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestErrorCode } from '../../graphql/errors.ts';

const JSON_TYPE = 'application/json; charset=utf-8';
const GRAPHQL_TYPE = 'application/graphql-response+json; charset=utf-8';

/** Answers in JSON; no cache keeps it. */
export function answer(response: ServerResponse, status: number, body: unknown, type = JSON_TYPE): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** An error as GraphQL clients read it. */
export interface AnsweredError {
  readonly code: RequestErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
  readonly correlationId?: string;
}

/** Answers a request that is refused before its operation is looked at. Its body is not read, so the connection is closed. */
export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  { message, ...extensions }: AnsweredError,
): void {
  const { retryAfterMs } = extensions;
  if (retryAfterMs !== undefined) response.setHeader('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  response.setHeader('connection', 'close');
  // Clients that know the newer media type read errors of a 4xx only if it is used.
  const type = request.headers.accept?.includes('application/graphql-response+json') ? GRAPHQL_TYPE : JSON_TYPE;
  answer(response, status, { errors: [{ message, extensions }] }, type);
}

/** No browser guesses another type than the one that an answer says. */
export function forbidSniffing(response: ServerResponse): void {
  response.setHeader('x-content-type-options', 'nosniff');
}
