import type { Plugin } from 'graphql-yoga';

/** Adds the header `retry-after` for throttled clients: proxies and HTTP clients evaluate it. */
export function useRetryAfter(): Plugin {
  return {
    onResultProcess: ({ result, setResult }) => {
      if (Symbol.asyncIterator in result || Array.isArray(result) || !('errors' in result)) return;
      const waits = (result.errors ?? []).map(({ extensions }) => Number(extensions?.retryAfterMs ?? 0));
      const retryAfterMs = Math.max(0, ...waits);
      if (retryAfterMs === 0) return;
      const headers = { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
      const http = { ...result.extensions?.http, headers: { ...result.extensions?.http?.headers, ...headers } };
      setResult({ ...result, extensions: { ...result.extensions, http } });
    },
  };
}
