import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import { type AfterwriteDatabase, openDatabase } from '../database/database.ts';
import { type ProvidedPostgres, providePostgres } from '../database/provide.ts';
import type { App } from '../definition/app.ts';
import { AnswerShares } from '../graphql/answer/shares.ts';
import { KnownDocuments } from '../graphql/documents/known-documents.ts';
import { readDocuments } from '../graphql/documents/read-documents.ts';
import { TrustedDocuments } from '../graphql/documents/trusted-documents.ts';
import { LiveRows } from '../graphql/live/live-rows.ts';
import { LiveUpdates } from '../graphql/live/live-updates.ts';
import { SubscriptionBudgets } from '../graphql/live/subscription-budget.ts';
import { LiveQueries } from '../graphql/live-queries/live-queries.ts';
import type { OnFault } from '../graphql/plugins/errors.ts';
import { ReadModels } from '../graphql/read/read-models.ts';
import { schemaOf } from '../graphql/schema.ts';
import type { ProvidedAdapters } from '../kernel/define/process-manager/port.ts';
import { createEngine, type Engine } from '../kernel/engine.ts';
import type { EngineOptions } from '../kernel/engine-options.ts';
import { Courier } from '../kernel/notify/courier.ts';
import { Company } from '../scheduling/company.ts';
import { Turns } from '../scheduling/turns.ts';
import type { Config } from '../settings/config.ts';
import { databaseOptions } from '../settings/database-options.ts';
import { engineOptions } from '../settings/engine-options.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { createGraphql } from './graphql.ts';
import { EventStreams } from './http/event-streams.ts';
import { openListeners } from './listeners.ts';
import { LoopWatch } from './loop/loop-watch.ts';
import { Metrics } from './metrics/metrics.ts';
import { shownFault } from './operations/described-error.ts';
import { Health } from './operations/health.ts';
import { observeServer } from './operations/observe.ts';
import { stopInOrder } from './shutdown.ts';

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
  const { domains } = app;
  const authenticator = createAuthenticator(config, app);
  const schema = schemaOf(app);
  const metrics = config.metrics ? new Metrics() : undefined;
  const documents = config.trustedDocuments
    ? new TrustedDocuments(await readDocuments(config.trustedDocuments, schema), config.trustedDocumentsOnly)
    : new TrustedDocuments();
  let notReady: string | undefined = 'The server is starting.';
  const health = new Health(() => notReady);
  const observer = observeServer(logger, metrics);
  const onFault: OnFault = (error, correlationId) => {
    observer.tell('requestFailed', { error, correlationId });
    return config.nodeEnv === 'development' ? shownFault(error) : undefined;
  };
  const turns = new Turns();
  const company = new Company();
  const listeners = await openListeners({
    ...{ config, logger, authenticator, health, metrics, turns, company, onFault },
    notReady: () => notReady,
  });

  let postgres: ProvidedPostgres | undefined;
  let database: AfterwriteDatabase | undefined;
  let adapters: ProvidedAdapters | undefined;
  try {
    postgres = await providePostgres(config, (line) => logger.info(line));
    database = await openDatabase({
      url: postgres.url,
      readUrl: config.readDatabaseUrl,
      ...databaseOptions(config),
      appMigrations: app.migrations,
      onNotice: (line) => observer.tell('databaseNoticed', { line }),
    });
    adapters = await app.adapters({ config, databaseUrl: postgres.url, log: logger });
  } catch (error) {
    await listeners.close();
    await listeners.closeOperations();
    await database?.close(1000);
    await postgres?.release();
    throw error;
  }

  const engine = createEngine({
    database,
    domains,
    ...engineOptions(config),
    company,
    ...overrides,
    adapters: adapters.adapters,
    observer,
  });
  health.serve({ engine, database });
  const readModels = new ReadModels(database.reader.db, engine.registry.projections.values());
  const courier = new Courier((error) => observer.tell('updateDelayed', { error, context: {} }));
  const sources = { readModels, hub: engine.readSide.hub, courier, observer };
  const live = new LiveRows(sources);
  const updates = new LiveUpdates({ ...sources, registry: engine.registry });
  const budgets = new SubscriptionBudgets({
    keys: config.subscriptionMaxKeys,
    subscription: config.subscriptionMaxBytes,
    connection: config.connectionSubscriptionBytes,
    caller: config.actorSubscriptionBytes,
    total: config.totalSubscriptionBytes,
  });
  const loop = new LoopWatch(config.eventLoopBlockMs, (block) => observer.tell('loopBlocked', block));
  const eventStreams = new EventStreams();
  const known = new KnownDocuments(config.graphqlDocumentCacheBytes);
  const shared = {
    ...{ engine, readModels, live, updates, turns, observer },
    answerLimits: { answerBytes: config.answerMaxBytes, readBytes: config.answerMaxReadBytes },
    answerShares: new AnswerShares({ caller: config.actorAnswerBytes, total: config.totalAnswerBytes }),
  };
  const liveQueries = new LiveQueries({
    ...{ schema, shared, turns, courier, onFault },
    timeoutMs: config.operationTimeoutMs,
    suggestions: config.introspection,
    limit: config.liveQueries,
    atOnce: config.liveQueriesAtOnce,
  });
  metrics?.measure({
    engine,
    live,
    liveQueries,
    eventStreams,
    subscriptions: budgets,
    connections: listeners.connections,
  });
  const yoga = createGraphql({
    schema,
    shared,
    config,
    eventStreams,
    budgets,
    liveQueries,
    documents,
    known,
    graphiqlDocuments: app.graphiql.documents,
    turns,
    company,
    phases: config.eventLoopBlockMs > 0 ? loop : undefined,
    onFault,
  });
  const closeSockets = listeners.serve({ yoga, documents, known });
  let stopping: Promise<void> | undefined;
  const refuseWork = () => {
    notReady = 'The server is shutting down.';
    loop.stop();
  };
  const { projector } = engine;
  const stop = () => {
    stopping ??= stopInOrder(
      [
        ['refuse new work', refuseWork],
        ['finish commands', () => engine.drain()],
        ['end streams', () => Promise.all([eventStreams.end(), closeSockets()])],
        ['close connections', () => listeners.close()],
        ['stop projections', () => engine.stop()],
        ['release the adapters', () => adapters.release()],
        ['close the database', () => database.close(1000)],
        ['leave Postgres', () => postgres.release()],
        ['close OPS_PORT', () => listeners.closeOperations()],
      ],
      { timeoutMs: config.shutdownTimeoutMs, logger, status: () => ({ head: projector.head.position }) },
    );
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
