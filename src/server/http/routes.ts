import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Readiness } from '../health.ts';
import type { Metrics } from '../metrics.ts';
import { readBody } from './body.ts';
import { corsHeaders } from './cors.ts';
import type { HostGuard } from './hosts.ts';
import type { Handler } from './http.ts';
import { CORRELATION_HEADER, correlationIdFrom } from './request-id.ts';

export interface Routes {
  readonly graphql: Handler;
  /** Undefined where it takes requests, else why not. */
  readonly notReady: () => string | undefined;
  /** Whether it can do its work. */
  readonly readiness: () => Promise<Readiness>;
  readonly whyNotHost: HostGuard;
  readonly corsOrigins: readonly string[];
  readonly maxBodyBytes: number;
  /** Undefined where they are not served. */
  readonly metrics?: Pick<Metrics, 'scrape'> | undefined;
}

/** Where a request goes. */
export function route(routes: Routes): Handler {
  return (request, response) => {
    if (isEndpoint(request)) return serveGraphql(routes, request, response);
    switch (pathOf(request)) {
      case '/livez':
        // That it is answered is all that it says: a restart mends no database.
        return answer(response, 200, { status: 'alive' });
      case '/readyz':
        return routes.readiness().then((body) => answer(response, body.reasons.length === 0 ? 200 : 503, body));
      case '/metrics':
        if (routes.metrics) return serveMetrics(routes.metrics, routes.whyNotHost, request, response);
        return answerNotFound(routes, response);
      case '/':
        response.writeHead(302, { location: '/graphql' }).end();
        return;
      default:
        return answerNotFound(routes, response);
    }
  };
}

/** Whether it is for the API. */
export function isEndpoint(request: IncomingMessage): boolean {
  return ['/graphql', '/graphql/'].includes(pathOf(request));
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(/\?.*/s, '');
}

function answerNotFound({ metrics }: Routes, response: ServerResponse): void {
  const paths = ['/graphql', '/livez', '/readyz', ...(metrics ? ['/metrics'] : [])];
  answer(response, 404, { status: 'not found', try: paths });
}

async function serveMetrics(
  metrics: Pick<Metrics, 'scrape'>,
  whyNotHost: HostGuard,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const foreign = whyNotHost(request.headers.host);
  if (foreign) return answerError(response, 403, 'FORBIDDEN', foreign);
  const { contentType, text } = await metrics.scrape();
  response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text);
}

async function serveGraphql(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { graphql, notReady, whyNotHost, corsOrigins, maxBodyBytes } = routes;
  correlate(request, response);
  for (const [name, value] of Object.entries(corsHeaders(corsOrigins, request))) response.setHeader(name, value);
  const foreign = whyNotHost(request.headers.host);
  if (foreign) return answerError(response, 403, 'FORBIDDEN', foreign);
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { allow: 'GET, POST, OPTIONS' }).end();
    return;
  }
  const reason = notReady();
  if (reason) {
    response.setHeader('retry-after', '1');
    return answerError(response, 503, 'THROTTLED', reason, { retryAfterMs: 1000 });
  }
  if (request.method !== 'POST') return graphql(request, response);
  const tooLong = (what: string) => answerError(response, 413, 'BAD_USER_INPUT', `The request is ${what} are taken.`);
  const length = request.headers['content-length'];
  if (length !== undefined) {
    // Before it is read, so that a body that is too large costs nothing.
    if (Number(length) > maxBodyBytes) return tooLong(`${length} bytes long; at most ${maxBodyBytes}`);
    return graphql(request, response);
  }
  const body = await readBody(request, maxBodyBytes);
  if (body === 'gone') return;
  if (body === 'too long') return tooLong(`longer than the ${maxBodyBytes} bytes that`);
  // Yoga takes a body that was read already from here; as a stream, since it enumerates the keys of what it finds.
  return graphql(Object.assign(request, { body: Readable.from(body) }), response);
}

/** The request's correlation id, the client's or a new one, goes on with the request and back with the answer. */
function correlate(request: IncomingMessage, response: ServerResponse): void {
  const correlationId = correlationIdFrom(request.headers[CORRELATION_HEADER]?.toString());
  request.headers[CORRELATION_HEADER] = correlationId;
  response.setHeader(CORRELATION_HEADER, correlationId);
}

function answerError(response: ServerResponse, status: number, code: string, message: string, facts = {}): void {
  // What is left of the body is not read: the connection cannot be used again.
  response.setHeader('connection', 'close');
  answer(response, status, { errors: [{ message, extensions: { code, ...facts } }] });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
