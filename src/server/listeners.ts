import type { IncomingMessage, Server } from 'node:http';
import type { Logger } from 'pino';
import type { ReportFault } from '../graphql/plugins/errors.ts';
import type { ActiveCallers } from '../scheduling/active-callers.ts';
import type { Turns } from '../scheduling/turns.ts';
import type { Config } from '../settings/config.ts';
import { type Apis, answerWith } from './apis.ts';
import type { Authenticator } from './auth/authenticator.ts';
import type { GraphiqlPages } from './graphiql/graphiql.ts';
import { guardConnections } from './http/connections.ts';
import { createHostGuard } from './http/hosts.ts';
import { closeServer, listen, type RequestHandler, urlOf } from './http/http.ts';
import { createOrigins } from './http/origins.ts';
import { serveGraphql } from './http/requests/graphql-requests.ts';
import { jsonLimits } from './http/requests/json-shape.ts';
import { CORRELATION_HEADER, correlationIdFrom } from './http/requests/request-id.ts';
import { route, routeOperations, type StateRoutes } from './http/routes.ts';
import { StalledClients } from './http/stalled-clients.ts';
import { createAddresses } from './limits/address.ts';
import { CallerLimits } from './limits/limits.ts';
import { Refusals } from './limits/refusals.ts';
import { openSharedCounts } from './limits/shared-counts.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Health } from './operations/health.ts';
import type { ServerObserver } from './operations/occurrences.ts';
import { serveWebSockets } from './websocket/websocket.ts';

/** Most connections to OPS_PORT: a few probes and scrapers. */
const OPS_CONNECTIONS = 100;

export interface ListenerOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly observer: ServerObserver;
  readonly authenticator: Authenticator;
  readonly health: Health;
  readonly metrics: Metrics | undefined;
  /** Turns of large bodies on the event loop. */
  readonly turns: Turns;
  readonly activeCallers: ActiveCallers;
  readonly reportFault: ReportFault;
  /** Undefined while requests are accepted, otherwise the reason why they are not. */
  readonly notReady: () => string | undefined;
  /** Undefined if GraphiQL is not served. */
  readonly pages?: GraphiqlPages | undefined;
}

/** The ports of a server, and their limits. */
export interface Listeners {
  /** The address of the API. */
  readonly url: string;
  /** The address of OPS_PORT, if it is set. */
  readonly opsUrl: string | undefined;
  /** Connections to the API. */
  readonly connections: { readonly open: number };
  /**
   * Answers operations from now on. @returns a function that closes all WebSockets, so that clients reconnect to
   * another server.
   */
  serve(apis: Apis): () => Promise<void>;
  /** Accepts no more connections to the API. */
  close(): Promise<void>;
  /** Closes the port for the state of the server, as the last step. */
  closeOperations(): Promise<void>;
}

/**
 * Listens at once, so that a port in use is known early. Until it is served, the API answers that it is not ready.
 * @throws {ListenError}
 */
export async function openListeners(options: ListenerOptions): Promise<Listeners> {
  const { config, logger, observer, authenticator, health, metrics, turns, activeCallers, reportFault, notReady } =
    options;
  const shared = config.limitsRedisUrl ? await openSharedCounts(config.limitsRedisUrl, observer) : undefined;
  const addresses = createAddresses(config.trustedProxies);
  const limits = new CallerLimits(config, shared);
  const refusals = new Refusals(logger, observer);
  const gate = { limits, refusals, authenticator, activeCallers };
  const whyNotHost = createHostGuard(config);
  const origins = createOrigins(config, (origin) => observer.tell('originRefused', { origin }));
  const state: StateRoutes = { readiness: () => health.readiness(), whyNotHost, metrics };
  const requests = {
    ...{ notReady, whyNotHost, origins, addresses, gate, turns, reportFault, pages: options.pages },
    maxBodyBytes: config.maxBodyBytes,
    jsonLimits: jsonLimits(config.inputMaxListLength),
    stalledClients: new StalledClients(config.stalledClientTimeoutMs, config.maxBufferedBytes),
  };
  const routed = (graphql: RequestHandler) =>
    route({ graphql, state: config.opsPort === undefined ? state : undefined });
  const release = () => {
    shared?.close();
    refusals.stop();
  };
  let handler = routed(serveGraphql({ ...requests, graphql: () => {} }));
  let operations: Server | undefined;
  let server: Server;
  try {
    if (config.opsPort !== undefined) {
      const times = { ...config, maxConnections: OPS_CONNECTIONS };
      operations = await listen(config.opsHost ?? config.host, config.opsPort, times, routeOperations(state));
    }
    server = await listen(config.host, config.port, config, (request, response) => handler(request, response));
  } catch (error) {
    if (operations) await closeServer(operations);
    release();
    throw error;
  }
  for (const each of [server, operations]) each?.on('handlerError', reportHandlerError(observer));
  const connections = guardConnections(server, { addresses, limits, refusals });
  return {
    url: urlOf(server),
    opsUrl: operations && urlOf(operations),
    connections,
    serve: (apis) => {
      handler = routed(serveGraphql({ ...requests, graphql: answerWith(apis, { turns }) }));
      const accepts = () => notReady() === undefined;
      return serveWebSockets(server, {
        ...{ apis, turns, gate, addresses, config, observer, reportFault },
        ...{ accepts, origins, whyNotHost },
      });
    },
    close: async () => {
      await closeServer(server);
      release();
    },
    closeOperations: async () => {
      if (operations) await closeServer(operations);
    },
  };
}

function reportHandlerError(observer: ServerObserver) {
  return (error: unknown, request: IncomingMessage) => {
    const correlationId = correlationIdFrom(request.headers[CORRELATION_HEADER]?.toString());
    observer.tell('transportFailed', { step: 'handle a request', error, correlationId });
  };
}
