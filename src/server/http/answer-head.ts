import type { ExecutionResult } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { RequestErrorCode } from '../../graphql/errors.ts';
import { answerTypeFor, type JsonType } from './requests/media-types.ts';

/** Statuses of answers without data, by the code of their first error. All others are 400. */
const STATUSES: Partial<Record<RequestErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  TENANT_REQUIRED: 401,
  FORBIDDEN: 403,
  TENANT_UNKNOWN: 403,
  // `read-after` is a precondition: the read models must include the token's position.
  CONSISTENCY_TIMEOUT: 412,
  THROTTLED: 429,
  INTERNAL_SERVER_ERROR: 500,
};

/** Reflects the errors of an answer in its status and its headers, for proxies and HTTP clients. */
export function useAnswerHead(): Plugin {
  return {
    onResultProcess: ({ request, result, setResult }) => {
      if (Symbol.asyncIterator in result || Array.isArray(result) || !('errors' in result)) return;
      const type = answerTypeFor(request.headers.get('accept'));
      setResult(withHead(result, type, request.headers.has('authorization')) as never);
    },
  };
}

/**
 * Adds to a result what Yoga has to add to the answer:
 *
 * - `retry-after`, in seconds, if an error says when the client may try again;
 * - a status other than 200 if there is no data and the answer has the newer media type. Clients of `application/json`
 *   may take any other status for the failure of a proxy;
 * - with status 401, the challenge `www-authenticate`.
 *
 * @param type media type of the answer; undefined if it is a stream.
 * @param hasCredentials true if the client sent any.
 * @see https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes
 */
export function withHead(
  result: ExecutionResult,
  type: JsonType | undefined,
  hasCredentials: boolean,
): ExecutionResult {
  const errors = result.errors ?? [];
  const own = errors.flatMap(({ extensions }) => (extensions.http as { status?: number } | undefined)?.status ?? []);
  const byCode =
    type === 'application/graphql-response+json' && errors.length > 0 && !('data' in result)
      ? (STATUSES[errors[0]?.extensions.code as RequestErrorCode] ?? 400)
      : undefined;
  const status = own.length > 0 ? Math.max(...own) : byCode;
  const headers = {
    ...retryAfter(Math.max(0, ...errors.map(({ extensions }) => Number(extensions.retryAfterMs ?? 0)))),
    ...(status === 401 && { 'www-authenticate': challenge(hasCredentials) }),
  };
  if (byCode === undefined && Object.keys(headers).length === 0) return result;
  const http = { ...(own.length === 0 && status !== undefined && { status }), headers };
  return { ...result, extensions: { ...result.extensions, http } };
}

/** The header that says after how many whole seconds the client may try again; none for 0 ms. */
export function retryAfter(ms: number): Record<string, string> {
  return ms > 0 ? { 'retry-after': String(Math.ceil(ms / 1000)) } : {};
}

/**
 * Tells the client what to send in `authorization`, and if the credentials that it sent are not valid any more (RFC
 * 6750).
 */
export function challenge(hasCredentials: boolean): string {
  return hasCredentials ? 'Bearer realm="graphql", error="invalid_token"' : 'Bearer realm="graphql"';
}
