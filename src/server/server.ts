import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { AfterwriteDatabase } from '../database/database.ts';
import type { App } from '../definition/app.ts';
import { refuseUnservedTenants } from '../definition/tenants.ts';
import { readDocuments } from '../graphql/documents/read-documents.ts';
import { TrustedDocuments } from '../graphql/documents/trusted-documents.ts';
import type { ReportFault } from '../graphql/plugins/errors.ts';
import { schemaOf } from '../graphql/schema.ts';
import { createEngine, type Engine } from '../kernel/engine.ts';
import type { EngineOptions } from '../kernel/engine-options.ts';
import { ActiveCallers } from '../scheduling/active-callers.ts';
import { Turns } from '../scheduling/turns.ts';
import type { Config } from '../settings/config.ts';
import { engineOptions } from '../settings/engine-options.ts';
import { type ServedApi, serveApi } from './api.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { graphiqlPages } from './graphiql/graphiql.ts';
import { type Listeners, openListeners } from './listeners.ts';
import { LoopWatch } from './loop/loop-watch.ts';
import { Metrics } from './metrics/metrics.ts';
import { shownFault } from './operations/described-error.ts';
import { Health } from './operations/health.ts';
import { observeServer } from './operations/observe.ts';
import { openResources, type Resources } from './resources.ts';
import { type ShutdownStep, stopInOrder } from './shutdown.ts';

/** A running server. */
export interface RunningServer {
  /** Its address, e.g. http://127.0.0.1:4000. */
  readonly url: string;
  /** The address of OPS_PORT, if it is set. */
  readonly opsUrl: string | undefined;
  readonly engine: Engine;
  readonly database: AfterwriteDatabase;
  /** The schema that it serves. */
  readonly schema: GraphQLSchema;
  /** Stops within SHUTDOWN_TIMEOUT_MS, in an order that loses nothing that was accepted. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a server. It listens first, so that a port in use is known at once, then opens the database and begins to
 * work.
 *
 * @param config as `readConfig` reads it with the application's settings.
 * @param overrides for tests that set the time.
 * @throws {ConfigError} DocumentsError, ListenError, EmbeddedPostgresError, DatabaseError: each with one line for
 * the operator who started it.
 */
export async function startServer(
  app: App,
  config: Config,
  logger: Logger,
  overrides: Pick<EngineOptions, 'clock'> = {},
): Promise<RunningServer> {
  refuseUnservedTenants(app);
  const authenticator = createAuthenticator(config, app);
  const schema = schemaOf(app);
  const documents = await trustedDocuments(config, schema);
  const metrics = config.metrics ? new Metrics() : undefined;
  const observer = observeServer(logger, metrics);
  const reportFault: ReportFault = (error, correlationId) => {
    observer.tell('requestFailed', { error, correlationId });
    return config.nodeEnv === 'development' ? shownFault(error) : undefined;
  };
  let notReady: string | undefined = 'The server is starting.';
  const health = new Health(() => notReady);
  const [turns, activeCallers] = [new Turns(), new ActiveCallers()];
  const listeners = await openListeners({
    ...{ config, logger, observer, authenticator, health, metrics, turns, activeCallers, reportFault },
    notReady: () => notReady,
    pages: config.graphiql ? graphiqlPages(app.graphiql.documents) : undefined,
  });
  const resources = await openResources(app, config, logger, observer).catch(async (error: unknown) => {
    await listeners.close();
    await listeners.closeOperations();
    throw error;
  });
  const { database, adapters } = resources;
  const engine = createEngine({
    ...{ database, domains: app.domains, activeCallers, observer },
    ...engineOptions(config),
    ...overrides,
    adapters: adapters.adapters,
  });
  health.serve({ engine, database });
  const loop = new LoopWatch(config.eventLoopBlockMs, (block) => observer.tell('loopBlocked', block));
  const api = serveApi({
    ...{ schema, config, engine, database, documents, turns, activeCallers, loop, observer, reportFault },
  });
  metrics?.measure({ engine, ...api, connections: listeners.connections });
  const closeSockets = listeners.serve(api);
  const refuseWork = () => {
    notReady = 'The server is shutting down.';
    loop.stop();
  };
  const steps = shutdownSteps({ refuseWork, engine, api, closeSockets, listeners, resources });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    const status = () => ({ head: engine.projector.head.position });
    stopping ??= stopInOrder(steps, { timeoutMs: config.shutdownTimeoutMs, logger, status });
    return stopping;
  };
  try {
    await engine.start();
  } catch (error) {
    await stop();
    throw error;
  }
  if (config.eventLoopBlockMs > 0) loop.start();
  notReady = undefined;
  if (authenticator.notice) logger.warn(authenticator.notice);
  return { url: listeners.url, opsUrl: listeners.opsUrl, engine, database, schema, stop };
}

/** @throws {DocumentsError} */
async function trustedDocuments(config: Config, schema: GraphQLSchema): Promise<TrustedDocuments> {
  if (!config.trustedDocuments) return new TrustedDocuments();
  return new TrustedDocuments(await readDocuments(config.trustedDocuments, schema), config.trustedDocumentsOnly);
}

interface RunningParts {
  readonly refuseWork: () => void;
  readonly engine: Engine;
  readonly api: ServedApi;
  readonly closeSockets: () => Promise<void>;
  readonly listeners: Listeners;
  readonly resources: Resources;
}

/** The order in which nothing that was accepted is lost. */
function shutdownSteps({
  refuseWork,
  engine,
  api,
  closeSockets,
  listeners,
  resources,
}: RunningParts): readonly ShutdownStep[] {
  return [
    ['refuse new work', refuseWork],
    ['finish commands', () => engine.drain()],
    ['end streams', () => Promise.all([api.eventStreams.end(), closeSockets()])],
    ['close connections', () => listeners.close()],
    ['stop projections', () => engine.stop()],
    ['release the adapters', () => resources.adapters.release()],
    ['close the database', () => resources.closeDatabase()],
    ['leave Postgres', () => resources.leavePostgres()],
    ['close OPS_PORT', () => listeners.closeOperations()],
  ];
}
