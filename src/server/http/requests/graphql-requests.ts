import type { IncomingMessage, ServerResponse } from 'node:http';
import { Ending, type Signal } from '../../../database/signal.ts';
import type { Caller } from '../../../graphql/context.ts';
import { READ_AFTER_HEADER } from '../../../graphql/plugins/consistency.ts';
import { answerError as describeError, type ReportFault } from '../../../graphql/plugins/errors.ts';
import { TenantUnavailableError, TenantUnknownError, UnauthenticatedError } from '../../../kernel/errors.ts';
import { Entrance } from '../../../scheduling/entrance.ts';
import type { Turns } from '../../../scheduling/turns.ts';
import type { GraphiqlPages } from '../../graphiql/graphiql.ts';
import type { Addresses } from '../../limits/address.ts';
import { OverLimitError } from '../../limits/over-limit.ts';
import { pointsOfBytes } from '../../limits/traffic.ts';
import { type CallerChecks, Visit } from '../../limits/visit.ts';
import { type AnsweredError, answerError } from '../answers.ts';
import { corsHeaders } from '../cors.ts';
import type { HostGuard } from '../hosts.ts';
import type { RequestHandler } from '../http.ts';
import type { Origins } from '../origins.ts';
import type { StalledClients } from '../stalled-clients.ts';
import { ArrivingBody } from './body.ts';
import type { JsonLimits } from './json-shape.ts';
import { boundAccept } from './media-types.ts';
import { JsonBody } from './request-body.ts';
import { CORRELATION_HEADER, correlationIdFrom, traceparentFrom } from './request-id.ts';

/** Passed to the pipeline with a request. */
export interface HttpContext {
  readonly visit: Visit;
  /** The complete body; undefined for a GET. */
  readonly body: JsonBody | undefined;
  /** Whose operation it is. */
  readonly client: Caller;
}

export interface GraphqlRequests {
  readonly graphql: (request: IncomingMessage, response: ServerResponse, context: HttpContext) => unknown;
  /** Undefined while requests are accepted, otherwise the reason why they are not. */
  readonly notReady: () => string | undefined;
  /** Undefined if GraphiQL is not served. */
  readonly pages?: GraphiqlPages | undefined;
  readonly whyNotHost: HostGuard;
  readonly origins: Origins;
  readonly maxBodyBytes: number;
  /** Limits of a body as JSON. */
  readonly jsonLimits: JsonLimits;
  readonly addresses: Addresses;
  readonly gate: CallerChecks;
  readonly stalledClients: StalledClients;
  /** Turns of large bodies on the event loop. */
  readonly turns: Turns;
  readonly reportFault: ReportFault;
}

/** After the check of the Host header, nothing is built from it. */
const INNER_HOST = 'localhost';

/** An answer is for one caller and one moment. A cache that stores it nevertheless must know what it depends on. */
const UNCACHED = { 'cache-control': 'no-store', vary: `accept, authorization, ${READ_AFTER_HEADER}` };

const NOT_READY_RETRY_MS = 1000;

/** A body of this many bytes or more is parsed when its caller has a turn. */
export const LARGE_BODY = 32 * 1024;

/** A request that is refused before its operation is read. */
class RequestRefusedError extends Error {
  readonly status: number;
  readonly answered: AnsweredError;

  constructor(status: number, answered: AnsweredError, cause?: unknown) {
    super(answered.message, { cause });
    this.status = status;
    this.answered = answered;
  }
}

/**
 * Handles requests to the API. Each check costs more than the one before: hosts and rates come before tokens, tokens
 * before bodies, bodies before documents.
 */
export function serveGraphql(options: GraphqlRequests): RequestHandler {
  const { graphql, pages, origins, addresses, gate, stalledClients, turns, reportFault, maxBodyBytes } = options;
  const entrance = new Entrance();
  return async (request, response) => {
    const correlationId = correlate(request, response);
    boundAccept(request.headers);
    const arriving = request.method === 'POST' ? new ArrivingBody(request, maxBodyBytes) : undefined;
    const { vary, ...cors } = corsHeaders(origins, request);
    const headers = request.method === 'OPTIONS' ? cors : { ...cors, ...UNCACHED };
    const depends = [headers.vary, vary].filter((names) => names !== undefined).join(', ');
    for (const [name, value] of Object.entries({ ...headers, ...(depends && { vary: depends }) })) {
      response.setHeader(name, value);
    }
    const visit = new Visit(gate, 'http', addresses.clientOf(request));
    stalledClients.watch(response, visit);
    const gone = new Ending();
    response.once('close', () => {
      visit.leave();
      gone.abort();
    });
    try {
      // Refusals cost time too, so addresses take turns, and then their callers.
      const entered = entrance.enter(visit.address);
      if (entered) await entered;
      const admitted = admit(options, visit, request);
      if (admitted) await admitted;
      if (request.method === 'OPTIONS') {
        response.writeHead(204, { allow: 'GET, POST, OPTIONS' }).end();
        return;
      }
      const page = pages?.(request, response);
      if (page) return await page;
      await visit.authenticate(request.headers.authorization);
      const paid = visit.spend(1);
      if (paid) await paid;
      const body = arriving && (await bodyOf(options, visit, request, arriving));
      if (body === 'gone') return;
      // The work that follows at once, validation and the start of the execution, is part of the turn.
      const begins = body && body.length >= LARGE_BODY ? turns.take(visit.caller) : entrance.enter(visit.caller);
      if (begins) await begins;
      visit.operate();
      // The client may already be gone: then no later event would release the place.
      if (response.closed) visit.leave();
      request.headers.host = INNER_HOST;
      const client = callerOf(request, visit, correlationId, gone);
      await graphql(request, response, { visit, body, client });
    } catch (error) {
      const refused = refusalOf(error);
      if (refused) {
        const { status, answered } = refused;
        visit.refused({ code: answered.code, status, correlationId }, refused.cause);
        answerError(request, response, status, answered);
        return;
      }
      const { message, extensions } = describeError(error, correlationId, reportFault);
      answerError(request, response, 500, { ...extensions, message } as AnsweredError);
    }
  };
}

/** @returns undefined if it is admitted at once. @throws if it is refused, or the promise rejects. */
function admit(options: GraphqlRequests, visit: Visit, request: IncomingMessage): Promise<void> | undefined {
  const foreign = options.whyNotHost(request.headers.host);
  if (foreign) throw new RequestRefusedError(403, { code: 'FORBIDDEN', message: foreign });
  const counted = visit.request();
  if (counted) return counted.then(() => refuseIfNotReady(options, request));
  refuseIfNotReady(options, request);
  return undefined;
}

function refuseIfNotReady({ notReady }: GraphqlRequests, request: IncomingMessage): void {
  const reason = request.method === 'OPTIONS' ? undefined : notReady();
  if (reason)
    throw new RequestRefusedError(503, { code: 'THROTTLED', message: reason, retryAfterMs: NOT_READY_RETRY_MS });
}

async function bodyOf(
  { maxBodyBytes, jsonLimits }: GraphqlRequests,
  visit: Visit,
  request: IncomingMessage,
  arriving: ArrivingBody,
): Promise<JsonBody | 'gone'> {
  const length = request.headers['content-length'];
  // Check before reading, so that a body that is too large costs nothing.
  if (Number(length) > maxBodyBytes) throw tooLong(`${length} bytes long; at most ${maxBodyBytes}`);
  if (length !== undefined) {
    const paid = visit.spend(pointsOfBytes(Number(length)));
    if (paid) await paid;
  }
  const body = await arriving.read(() => visit.sendSlowly());
  if (body === 'too long') throw tooLong(`longer than the ${maxBodyBytes} bytes that`);
  if (body === 'too many pieces') {
    // Its connection is closed. The log says why.
    throw new RequestRefusedError(413, {
      code: 'BAD_USER_INPUT',
      message: 'The request comes in too many pieces. Send larger ones.',
    });
  }
  if (body === 'gone') return body;
  if (length === undefined) await visit.spend(pointsOfBytes(body.length));
  return new JsonBody(body, jsonLimits);
}

function callerOf({ headers, socket }: IncomingMessage, visit: Visit, correlationId: string, signal: Signal): Caller {
  return {
    actor: visit.authenticated?.actor ?? null,
    address: visit.address,
    correlationId,
    traceparent: traceparentFrom(headers.traceparent?.toString()),
    readAfter: headers[READ_AFTER_HEADER]?.toString(),
    signal,
    connection: socket,
  };
}

function tooLong(what: string): RequestRefusedError {
  return new RequestRefusedError(413, { code: 'BAD_USER_INPUT', message: `The request is ${what} are taken.` });
}

function refusalOf(error: unknown): RequestRefusedError | undefined {
  if (error instanceof RequestRefusedError) return error;
  if (error instanceof OverLimitError) {
    const { code, message, retryAfterMs } = error;
    return new RequestRefusedError(429, { code, message, retryAfterMs }, error);
  }
  if (error instanceof UnauthenticatedError) {
    return new RequestRefusedError(401, { code: error.code, message: error.message });
  }
  if (error instanceof TenantUnknownError) {
    return new RequestRefusedError(403, { code: error.code, message: error.message });
  }
  if (error instanceof TenantUnavailableError) {
    const { code, message, retryAfterMs } = error;
    return new RequestRefusedError(503, { code, message, retryAfterMs });
  }
  return undefined;
}

/** Sets the request's correlation id, the client's or a new one, on the request and on the answer. */
function correlate(request: IncomingMessage, response: ServerResponse): string {
  const correlationId = correlationIdFrom(request.headers[CORRELATION_HEADER]?.toString());
  request.headers[CORRELATION_HEADER] = correlationId;
  response.setHeader(CORRELATION_HEADER, correlationId);
  return correlationId;
}
