import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Metrics } from '../metrics/metrics.ts';
import type { Readiness } from '../operations/health.ts';
import { answer, answerError } from './answers.ts';
import type { HostGuard } from './hosts.ts';
import type { RequestHandler } from './http.ts';

/** Reports the state of the server. */
export interface StateRoutes {
  /** Whether it can do its work. */
  readonly readiness: () => Promise<Readiness>;
  readonly whyNotHost: HostGuard;
  /** Undefined if metrics are not served. */
  readonly metrics?: Pick<Metrics, 'scrape'> | undefined;
}

export interface Routes {
  readonly graphql: RequestHandler;
  /** Undefined if OPS_PORT serves it. */
  readonly state: StateRoutes | undefined;
}

/** Routes a request to the public port. */
export function route({ graphql, state }: Routes): RequestHandler {
  return (request, response) => {
    if (isEndpoint(request)) return graphql(request, response);
    if (pathOf(request) === '/') {
      response.writeHead(302, { location: '/graphql' }).end();
      return;
    }
    return routeState(state, ['/graphql'], request, response);
  };
}

/** Routes a request to OPS_PORT. */
export function routeOperations(state: StateRoutes): RequestHandler {
  return (request, response) => routeState(state, [], request, response);
}

/** Whether the request is for the API. */
export function isEndpoint(request: IncomingMessage): boolean {
  return ['/graphql', '/graphql/'].includes(pathOf(request));
}

function routeState(
  state: StateRoutes | undefined,
  others: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): void | Promise<void> {
  const path = pathOf(request);
  // Any answer will do: this only shows that the process responds. A restart repairs no database.
  if (path === '/livez') return answer(response, 200, { status: 'alive' });
  if (path === '/readyz' && state) {
    return state.readiness().then((body) => answer(response, body.reasons.length === 0 ? 200 : 503, body));
  }
  if (path === '/metrics' && state?.metrics) return serveMetrics(state.metrics, state.whyNotHost, request, response);
  const paths = [...others, '/livez', ...(state ? ['/readyz'] : []), ...(state?.metrics ? ['/metrics'] : [])];
  answer(response, 404, { status: 'not found', try: paths });
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(/\?.*/s, '');
}

async function serveMetrics(
  metrics: Pick<Metrics, 'scrape'>,
  whyNotHost: HostGuard,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const foreign = whyNotHost(request.headers.host);
  if (foreign) return answerError(request, response, 403, { code: 'FORBIDDEN', message: foreign });
  const { contentType, text } = await metrics.scrape();
  response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text);
}
