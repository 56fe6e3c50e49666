import type { ExecutionResult } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Adds the header `retry-after` for throttled clients: proxies and HTTP clients evaluate it. */
export function useRetryAfter(): Plugin {
  return {
    onResultProcess: ({ result, setResult }) => {
      if (Symbol.asyncIterator in result || Array.isArray(result) || !('errors' in result)) return;
      const retryAfter = retryAfterOf(result);
      if (retryAfter === undefined) return;
      const headers = { 'retry-after': retryAfter };
      const http = { ...result.extensions?.http, headers: { ...result.extensions?.http?.headers, ...headers } };
      setResult({ ...result, extensions: { ...result.extensions, http } });
    },
  };
}

/** When the client is to come again, in whole seconds, as the errors of a result say it; undefined if none does. */
export function retryAfterOf({ errors = [] }: Pick<ExecutionResult, 'errors'>): string | undefined {
  const waits = errors.map(({ extensions }) => Number(extensions?.retryAfterMs ?? 0));
  const retryAfterMs = Math.max(0, ...waits);
  return retryAfterMs === 0 ? undefined : String(Math.ceil(retryAfterMs / 1000));
}
