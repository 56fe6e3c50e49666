import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { AfterwriteDatabase } from '../database/database.ts';
import { type ProvidedPostgres, providePostgres } from '../database/provide.ts';
import { openSharedDatabase } from '../database/tenancy/shared-database.ts';
import type { App } from '../definition/app.ts';
import type { TenantMode } from '../definition/tenants.ts';
import { readDocuments } from '../graphql/documents/read-documents.ts';
import { TrustedDocuments } from '../graphql/documents/trusted-documents.ts';
import type { ReportFault } from '../graphql/plugins/errors.ts';
import { auditReads } from '../graphql/read/audit/audited-schema.ts';
import { schemaOf } from '../graphql/schema.ts';
import { registerDomains } from '../kernel/define/domain.ts';
import type { Engine } from '../kernel/engine.ts';
import type { EngineOptions } from '../kernel/engine-options.ts';
import { ActiveCallers } from '../scheduling/active-callers.ts';
import { Turns } from '../scheduling/turns.ts';
import type { Config } from '../settings/config.ts';
import { databaseOptions } from '../settings/database-options.ts';
import { databasesOf } from '../settings/tenant-config.ts';
import { sharesOfAnswers, subscriptionBudgets } from './api.ts';
import { signingOf } from './audit/signing.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { graphiqlPages } from './graphiql/graphiql.ts';
import { openListeners } from './listeners.ts';
import { LoopWatch } from './loop/loop-watch.ts';
import { Metrics } from './metrics/metrics.ts';
import { shownFault } from './operations/described-error.ts';
import { Health } from './operations/health.ts';
import { observeServer } from './operations/observe.ts';
import type { ServerObserver } from './operations/occurrences.ts';
import { ServedStore } from './served-store.ts';
import { type RunningParts, shutdownSteps, stopInOrder } from './shutdown.ts';
import { oneStore, type StoreLease, type Stores } from './stores.ts';
import { serveTenants, type TenantPlace } from './tenants/served-tenants.ts';

/** A running server. */
export interface RunningServer {
  /** Its address, e.g. http://127.0.0.1:4000. */
  readonly url: string;
  /** The address of OPS_PORT, if it is set. */
  readonly opsUrl: string | undefined;
  /** The engine of its store. @throws {Error} if each tenant has a store of its own: see `storeOf`. */
  readonly engine: Engine;
  /** The connections to its store. @throws {Error} if each tenant has a store of its own: see `storeOf`. */
  readonly database: AfterwriteDatabase;
  /** The schema that it serves. */
  readonly schema: GraphQLSchema;
  /** The store of a tenant, which stays open until it is released. */
  storeOf(tenant: string): Promise<StoreLease>;
  /** Stops within SHUTDOWN_TIMEOUT_MS, in an order that loses nothing that was accepted. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a server. It listens first, so that a port in use is known at once, then opens the database and begins to
 * work. If each tenant has a database, these are opened when somebody asks for them.
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
  const authenticator = createAuthenticator(config, app);
  const schema = schemaOf(app);
  if (config.auditReads !== 'off') auditReads(schema, registerDomains(app.domains).projections);
  const documents = await trustedDocuments(config, schema);
  // A bad key is known before anything is opened, and so is a witness that would get the heads of several tenants.
  signingOf(config, app.tenants && 'any');
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
  const loop = new LoopWatch(config.eventLoopBlockMs, (block) => observer.tell('loopBlocked', block));
  const [answerShares, subscriptions] = [sharesOfAnswers(config), subscriptionBudgets(config)];
  const common = {
    ...{ app, config, schema, documents, turns, answerShares, subscriptions, loop, reportFault, overrides },
    callers: activeCallers,
  };
  let postgres: ProvidedPostgres | undefined;
  let stores: Stores;
  try {
    postgres = await providePostgres(config, observer);
    const { url } = postgres;
    stores = app.tenants
      ? serveTenants({
          ...common,
          logger,
          metrics,
          place: await placeOf(app, app.tenants.mode, { config, url, observer }),
        })
      : oneStore(await ServedStore.open({ ...common, url, tenant: undefined, logger, observer, activeCallers }));
  } catch (error) {
    await listeners.close();
    await postgres?.release();
    await listeners.closeOperations();
    throw error;
  }
  health.serve(stores);
  metrics?.measure({ stores, subscriptions, connections: listeners.connections });
  const closeSockets = listeners.serve(stores.apis);
  const refuseWork = () => {
    notReady = 'The server is shutting down.';
    loop.stop();
  };
  const parts: RunningParts = { refuseWork, stores, closeSockets, listeners, postgres };
  let stopping: Promise<void> | undefined;
  const stop = () => {
    const status = () => (stores.one ? { head: stores.one.engine.projector.head.position } : { ...stores.tenants });
    stopping ??= stopInOrder(shutdownSteps(parts), { timeoutMs: config.shutdownTimeoutMs, logger, status });
    return stopping;
  };
  try {
    await stores.start();
  } catch (error) {
    await stop();
    throw error;
  }
  if (config.eventLoopBlockMs > 0) loop.start();
  notReady = undefined;
  if (authenticator.notice) logger.warn(authenticator.notice);
  return {
    ...{ url: listeners.url, opsUrl: listeners.opsUrl, schema, stop },
    get engine() {
      return onlyStore(stores).engine;
    },
    get database() {
      return onlyStore(stores).database;
    },
    storeOf: (tenant) => stores.use(tenant),
  };
}

function onlyStore({ one }: Stores): ServedStore {
  if (!one) throw new Error('Each tenant has a store of its own: name the tenant, with storeOf(tenant).');
  return one;
}

async function placeOf(
  app: App,
  mode: TenantMode,
  { config, url, observer }: { readonly config: Config; readonly url: string; readonly observer: ServerObserver },
): Promise<TenantPlace> {
  if (mode === 'database') return { databases: databasesOf(app, config, url) };
  const shared = await openSharedDatabase({
    ...{ url, readUrl: config.readDatabaseUrl, observer },
    ...databaseOptions(config),
    appMigrations: app.migrations,
  });
  return { shared, url };
}

/** @throws {DocumentsError} */
async function trustedDocuments(config: Config, schema: GraphQLSchema): Promise<TrustedDocuments> {
  if (!config.trustedDocuments) return new TrustedDocuments();
  return new TrustedDocuments(await readDocuments(config.trustedDocuments, schema), config.trustedDocumentsOnly);
}
