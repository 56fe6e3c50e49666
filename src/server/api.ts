import type { GraphQLSchema } from 'graphql';
import type { AfterwriteDatabase } from '../database/database.ts';
import { AnswerShares } from '../graphql/answer/shares.ts';
import type { Shared } from '../graphql/context.ts';
import { KnownDocuments } from '../graphql/documents/known-documents.ts';
import type { TrustedDocuments } from '../graphql/documents/trusted-documents.ts';
import { LiveUpdates } from '../graphql/live/live-updates.ts';
import { LiveRows } from '../graphql/live/rows/live-rows.ts';
import { RowMessages } from '../graphql/live/rows/row-messages.ts';
import { SubscriptionBudgets } from '../graphql/live/subscription-budget.ts';
import { LiveQueries } from '../graphql/live-queries/live-queries.ts';
import type { ReportFault } from '../graphql/plugins/errors.ts';
import { ReadAudit } from '../graphql/read/audit/read-audit.ts';
import { ReadRetention } from '../graphql/read/audit/read-retention.ts';
import { ReadModels } from '../graphql/read/read-models.ts';
import type { Engine } from '../kernel/engine.ts';
import { Courier } from '../kernel/notify/courier.ts';
import type { ActiveCallers } from '../scheduling/active-callers.ts';
import type { Turns } from '../scheduling/turns.ts';
import type { Config } from '../settings/config.ts';
import { createGraphql, type Graphql } from './graphql.ts';
import { EventStreams } from './http/event-streams.ts';
import { OperationWindows } from './limits/operation-windows.ts';
import type { LoopWatch } from './loop/loop-watch.ts';
import type { ServerObserver } from './operations/occurrences.ts';

export interface ServedApiOptions {
  readonly schema: GraphQLSchema;
  readonly config: Config;
  readonly engine: Engine;
  readonly database: AfterwriteDatabase;
  readonly documents: TrustedDocuments;
  readonly turns: Turns;
  /** Everybody who sends operations to the server. */
  readonly callers: ActiveCallers;
  /** Memory of large answers and of subscriptions: of the whole process, whichever API they belong to. */
  readonly answerShares: AnswerShares;
  readonly subscriptions: SubscriptionBudgets;
  readonly loop: LoopWatch;
  readonly observer: ServerObserver;
  readonly reportFault: ReportFault;
}

/** The API as transports serve it, and its parts that metrics measure. */
export interface ServedApi extends Graphql {
  readonly documents: TrustedDocuments;
  readonly known: KnownDocuments;
  readonly live: LiveRows;
  readonly liveQueries: LiveQueries;
  readonly eventStreams: EventStreams;
  readonly subscriptions: SubscriptionBudgets;
  /** Undefined if reads of personal data are not recorded. */
  readonly readAudit: ReadAudit | undefined;
}

function openReadAudit({ config, engine, database, observer }: ServedApiOptions, isRequired: boolean): ReadAudit {
  const { clock } = engine;
  const keepDays = config.auditReadsKeepDays;
  return new ReadAudit({
    ...{ db: database.writer.db, clock, observer, isRequired },
    retention:
      keepDays === undefined ? undefined : new ReadRetention({ db: database.owner.db, clock, observer, keepDays }),
  });
}

/** Makes the API of an engine, with the limits of the settings. */
export function serveApi(options: ServedApiOptions): ServedApi {
  const { schema, config, engine, database, turns, callers, answerShares, subscriptions } = options;
  const { observer, reportFault, documents, loop } = options;
  const readModels = new ReadModels(database.reader.db, engine.registry.projections.values());
  const courier = new Courier(observer);
  const sources = { readModels, hub: engine.readSide.hub, courier, observer };
  const live = new LiveRows(sources);
  const readAudit = config.auditReads === 'off' ? undefined : openReadAudit(options, config.auditReads === 'required');
  const shared: Shared = {
    ...{ engine, readModels, live, turns, readAudit, observer },
    updates: new LiveUpdates({ ...sources, registry: engine.registry }),
    answerLimits: { answerBytes: config.answerMaxBytes, readBytes: config.answerMaxReadBytes },
    answerShares,
  };
  const windows = new OperationWindows(callers, {
    operations: config.operationsAtOncePerActor,
    bytes: config.answerBytesAtOncePerActor,
  });
  const tools = { schema, shared, turns, courier, reportFault, timeoutMs: config.operationTimeoutMs };
  const liveQueries = new LiveQueries({
    ...tools,
    suggestions: config.introspection,
    windows,
    limit: config.liveQueries,
    atOnce: config.liveQueriesAtOnce,
  });
  const eventStreams = new EventStreams();
  const known = new KnownDocuments(config.graphqlDocumentCacheBytes);
  const { yoga, execute } = createGraphql({
    ...{ schema, shared, config, eventStreams, liveQueries, documents, known, turns, windows, reportFault },
    rowMessages: new RowMessages({ ...tools, suggestions: config.introspection }),
    budgets: subscriptions,
    phases: config.eventLoopBlockMs > 0 ? loop : undefined,
  });
  return { yoga, execute, documents, known, live, liveQueries, eventStreams, subscriptions, readAudit };
}

/** Counts the memory of large answers, for all APIs of a process. */
export function sharesOfAnswers(config: Config): AnswerShares {
  return new AnswerShares({ caller: config.actorAnswerBytes, total: config.totalAnswerBytes });
}

/** Counts the memory of subscriptions, for all APIs of a process. */
export function subscriptionBudgets(config: Config): SubscriptionBudgets {
  return new SubscriptionBudgets({
    keys: config.subscriptionMaxKeys,
    subscription: config.subscriptionMaxBytes,
    connection: config.connectionSubscriptionBytes,
    caller: config.actorSubscriptionBytes,
    total: config.totalSubscriptionBytes,
  });
}
