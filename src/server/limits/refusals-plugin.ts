import type { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { HttpContext } from '../http/requests/graphql-requests.ts';
import { limitIn } from './over-limit.ts';
import type { Visit } from './visit.ts';

/** Codes of answers that are data, or that are not the caller's fault. */
const NO_REFUSALS: ReadonlySet<unknown> = new Set([
  'CONSISTENCY_TIMEOUT',
  'OUTCOME_UNKNOWN',
  'INTERNAL_SERVER_ERROR',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'TIMEOUT',
]);

/** The code of the first error that refuses something; undefined if none does. */
export function refusalCode(errors: readonly { readonly extensions?: Record<string, unknown> }[] | undefined) {
  const code = errors?.find(({ extensions }) => extensions?.code && !NO_REFUSALS.has(extensions.code))?.extensions
    ?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Logs and counts what the errors of a result refuse. */
export function noteRefusal(visit: Visit, errors: readonly GraphQLError[] | undefined, correlationId?: string): void {
  const code = refusalCode(errors);
  if (code !== undefined) visit.refused({ code, correlationId, limit: limitIn(errors) });
}

/** Logs and counts a request that is refused by its status alone. */
export function noteStatus(visit: Visit, status: number, correlationId?: string): void {
  if (visit.isRefused || status < 400 || status >= 500) return;
  visit.refused({ code: 'BAD_USER_INPUT', status, correlationId });
}

/** Logs and counts what Yoga refuses over HTTP. */
export function useRefusals(): Plugin<object, Partial<HttpContext>> {
  return {
    onResultProcess: ({ result, serverContext: { visit, client } }) => {
      if (Symbol.asyncIterator in result || Array.isArray(result) || !('errors' in result)) return;
      if (visit) noteRefusal(visit, result.errors, client?.correlationId);
    },
    onResponse: ({ response, serverContext }) => {
      const { visit, client } = serverContext as Partial<HttpContext>;
      if (visit) noteStatus(visit, response.status, client?.correlationId);
    },
  };
}
