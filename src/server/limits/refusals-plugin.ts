import type { Plugin } from 'graphql-yoga';
import type { HttpContext } from '../http/graphql-requests.ts';
import { limitIn } from './over-limit.ts';

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

/** Logs and counts what the pipeline refuses over HTTP. */
export function useRefusals(): Plugin<object, Partial<HttpContext>> {
  return {
    onResultProcess: ({ result, serverContext, request }) => {
      if (Symbol.asyncIterator in result || Array.isArray(result) || !('errors' in result)) return;
      const { visit } = serverContext;
      const code = refusalCode(result.errors);
      if (!visit || code === undefined) return;
      const correlationId = request.headers.get('x-correlation-id') ?? undefined;
      visit.refused({ code, correlationId, limit: limitIn(result.errors) });
    },
    onResponse: ({ response, serverContext, request }) => {
      const { visit } = serverContext as Partial<HttpContext>;
      if (!visit || visit.isRefused || response.status < 400 || response.status >= 500) return;
      const correlationId = request.headers.get('x-correlation-id') ?? undefined;
      visit.refused({ code: 'BAD_USER_INPUT', status: response.status, correlationId });
    },
  };
}
