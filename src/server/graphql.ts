import { useDisableIntrospection } from '@graphql-yoga/plugin-disable-introspection';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { type Caller, type Context, createContext, type Shared } from '../graphql/context.ts';
import type { KnownDocuments, KnownOperation } from '../graphql/documents/known-documents.ts';
import type { TrustedDocuments } from '../graphql/documents/trusted-documents.ts';
import type { RowMessages } from '../graphql/live/rows/row-messages.ts';
import type { SubscriptionBudgets } from '../graphql/live/subscription-budget.ts';
import type { LiveQueries } from '../graphql/live-queries/live-queries.ts';
import type { PhaseListener } from '../graphql/phases.ts';
import { useConsistency } from '../graphql/plugins/consistency.ts';
import { useDeadline } from '../graphql/plugins/deadline.ts';
import { answerError, type ReportFault, useErrors } from '../graphql/plugins/errors.ts';
import { executeWith } from '../graphql/plugins/execute-hooks.ts';
import { useExecutor } from '../graphql/plugins/executor.ts';
import { type RequestLimits, useLimits } from '../graphql/plugins/limits.ts';
import { useObserver } from '../graphql/plugins/observer.ts';
import { usePhases } from '../graphql/plugins/phases.ts';
import { useSharedMessages } from '../graphql/plugins/shared-messages.ts';
import { useSlicedAnswers } from '../graphql/plugins/sliced-answers.ts';
import { useSubscriptionBudget } from '../graphql/plugins/subscription-budget.ts';
import { useSubscriptionRoot } from '../graphql/plugins/subscription-root.ts';
import { useTracing } from '../graphql/plugins/tracing.ts';
import type { Turns } from '../scheduling/turns.ts';
import type { Config } from '../settings/config.ts';
import { useAnswerHead } from './http/answer-head.ts';
import type { EventStreams } from './http/event-streams.ts';
import { useExpiringOperations } from './http/expiring-operations.ts';
import type { JsonBody } from './http/requests/request-body.ts';
import { useStrictRequests } from './http/requests/strict-requests.ts';
import { useAnswerShares } from './limits/answers-plugin.ts';
import type { OperationWindows } from './limits/operation-windows.ts';
import { useCallerLimits } from './limits/plugin.ts';
import { useRefusals } from './limits/refusals-plugin.ts';
import type { Visit } from './limits/visit.ts';
import { useOperationWindows } from './limits/windows-plugin.ts';

export interface GraphqlOptions {
  readonly schema: GraphQLSchema;
  readonly shared: Shared;
  readonly config: Config;
  readonly eventStreams: EventStreams;
  readonly budgets: SubscriptionBudgets;
  readonly liveQueries: LiveQueries;
  readonly rowMessages: RowMessages;
  readonly documents: TrustedDocuments;
  readonly known: KnownDocuments;
  /** Turns of large bodies and answers on the event loop. */
  readonly turns: Turns;
  readonly windows: OperationWindows;
  /** Told about the phases of each operation. */
  readonly phases: PhaseListener | undefined;
  readonly reportFault: ReportFault;
}

/** The context that each transport passes. */
interface ServerContext {
  /** Not `caller`: the operation's context that is made of it has a `caller` of its own. */
  readonly client: Caller;
  readonly visit: Visit;
  /** Of an HTTP request. */
  readonly body?: JsonBody | undefined;
}

export type Yoga = YogaServerInstance<ServerContext, Context>;

/** A query or mutation that is known to be valid, with what its client sent. */
export interface AskedOperation extends Pick<KnownOperation, 'document'> {
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly operationName: string | undefined;
}

/** What transports pass operations to. */
export interface Graphql {
  readonly yoga: Yoga;
  /** Executes a query or mutation with all plugins, but without Yoga. It does not reject. */
  readonly execute: (asked: AskedOperation, context: ServerContext) => Promise<ExecutionResult>;
}

/** The GraphQL pipeline, a row of plugins. HTTP, SSE and WebSocket all pass through it. */
export function createGraphql(options: GraphqlOptions): Graphql {
  const { schema, shared, reportFault } = options;
  const plugins = pluginsFor(options);
  const execute = executeWith(plugins);
  const shown = (error: unknown, { client }: ServerContext) => answerError(error, client.correlationId, reportFault);
  return {
    yoga: createServer(options, plugins),
    execute: async ({ document, variables, operationName }, context) => {
      try {
        const contextValue = Object.assign(createContext(shared, context.client), context);
        const args = { schema, document, contextValue, variableValues: variables, operationName };
        const result = await execute(args);
        // Plugins may have added errors.
        return result.errors ? { ...result, errors: result.errors.map((error) => shown(error, context)) } : result;
      } catch (error) {
        return { errors: [shown(error, context)] };
      }
    },
  };
}

/** Yoga with every relevant default set explicitly. */
function createServer({ schema, shared, known, reportFault }: GraphqlOptions, plugins: Plugin[]): Yoga {
  return createYoga<ServerContext, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    batching: false,
    multipart: false,
    // The routes enforce MAX_BODY_BYTES.
    maxRequestBodySize: false,
    // Answers that never reach Yoga need CORS too: see cors.ts.
    cors: false,
    logging: false,
    maskedErrors: { maskError: (error) => answerError(error, undefined, reportFault) },
    // Yoga's GraphiQL comes from a CDN, and the package that serves it locally does not support authenticated
    // subscriptions.
    graphiql: false,
    parserAndValidationCache: known.caches,
    context: ({ client }) => createContext(shared, client),
    plugins,
  });
}

function pluginsFor(options: GraphqlOptions): Plugin[] {
  const { shared, config, eventStreams, turns, reportFault } = options;
  return [
    ...(options.phases ? [usePhases(options.phases)] : []),
    useExecutor({ suggestions: config.introspection }),
    useSharedMessages(options.liveQueries, options.rowMessages),
    useStrictRequests(options.documents),
    useAnswerHead(),
    useRefusals(),
    eventStreams.plugin,
    options.known.plugin,
    useLimits(limitsOf(config)),
    useSubscriptionRoot(),
    ...(config.introspection ? [] : [useDisableIntrospection()]),
    useTracing(),
    ...(shared.observer?.hears('operationAnswered') ? [useObserver(shared.observer)] : []),
    useErrors(reportFault, correlationIdOf),
    useAnswerShares(),
    useCallerLimits(),
    useExpiringOperations(),
    useDeadline(config.operationTimeoutMs),
    useSubscriptionBudget(options.budgets),
    useConsistency(),
    useSlicedAnswers(turns),
    useOperationWindows(options.windows, config.operationTimeoutMs),
  ] as Plugin[];
}

function limitsOf(config: Config): RequestLimits {
  return {
    document: { length: config.graphqlMaxDocumentLength, tokens: config.graphqlMaxTokens },
    operation: {
      depth: config.graphqlMaxDepth,
      aliases: config.graphqlMaxAliases,
      selections: config.graphqlMaxSelections,
      cost: config.graphqlMaxCost,
    },
    variables: {
      listLength: config.inputMaxListLength,
      stringLength: config.inputMaxStringLength,
      bytes: config.inputMaxBytes,
    },
    suggestions: config.introspection,
  };
}

/** The correlation id of an operation that has no context of its own yet. */
function correlationIdOf({ client }: Partial<ServerContext>) {
  return client?.correlationId;
}
