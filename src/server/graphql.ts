import type { IncomingMessage } from 'node:http';
import { useDisableIntrospection } from '@graphql-yoga/plugin-disable-introspection';
import type { GraphQLSchema } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import type { Config } from '../config.ts';
import { type Caller, type Context, createContext, type Shared } from '../graphql/context.ts';
import { documentCaches } from '../graphql/limits/document.ts';
import type { SubscriptionBudgets } from '../graphql/live/subscription-budget.ts';
import { useConsistency } from '../graphql/plugins/consistency.ts';
import { answerError, type OnFault, useErrors } from '../graphql/plugins/errors.ts';
import { useExecutor } from '../graphql/plugins/executor.ts';
import { type Limits, useLimits } from '../graphql/plugins/limits.ts';
import { useObserver } from '../graphql/plugins/observer.ts';
import { useSubscriptionBudget } from '../graphql/plugins/subscription-budget.ts';
import { useTracing } from '../graphql/plugins/tracing.ts';
import type { Authenticator } from './auth.ts';
import { useGraphiql } from './graphiql/graphiql.ts';
import type { EventStreams } from './http/event-streams.ts';
import { CORRELATION_HEADER, correlationIdFrom, traceparentFrom } from './http/request-id.ts';
import { useRetryAfter } from './http/retry-after.ts';
import { useStrictRequests } from './http/strict-requests.ts';

export interface GraphqlOptions {
  readonly schema: GraphQLSchema;
  readonly shared: Shared;
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly eventStreams: EventStreams;
  readonly budgets: SubscriptionBudgets;
  readonly onFault: OnFault;
}

/** What the WebSocket transport passes in place of a request. */
export interface SocketContext {
  readonly caller: Caller;
}

/** What Yoga is handed with a request. */
interface HttpContext {
  readonly req?: IncomingMessage;
}

export type Yoga = YogaServerInstance<Partial<SocketContext> & HttpContext, Context>;

/** The GraphQL pipeline: Yoga with every default that matters set explicitly. HTTP, SSE and WebSocket all pass here. */
export function createGraphql(options: GraphqlOptions): Yoga {
  const { schema, shared, config, authenticator, eventStreams, onFault } = options;
  return createYoga<Partial<SocketContext> & HttpContext, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    batching: false,
    multipart: false,
    // The routes see to MAX_BODY_BYTES.
    maxRequestBodySize: false,
    // Answers that never come here need it too: see cors.ts.
    cors: false,
    logging: false,
    maskedErrors: { maskError: (error) => answerError(error, undefined, onFault) },
    // Yoga's comes from a CDN, and the package that serves it from here does not let it authenticate subscriptions.
    graphiql: false,
    parserAndValidationCache: documentCaches(config.graphqlDocumentCacheBytes),
    context: async ({ request, caller, req }) => {
      if (caller) return createContext(shared, caller);
      const correlationId = correlationIdFrom(request.headers.get(CORRELATION_HEADER));
      const credentials = request.headers.get('authorization') ?? undefined;
      const authenticated = await authenticator.authenticate(credentials).catch((error) => {
        throw answerError(error, correlationId, onFault);
      });
      return createContext(shared, {
        actor: authenticated?.actor ?? null,
        correlationId,
        traceparent: traceparentFrom(request.headers.get('traceparent')),
        signal: request.signal,
        connection: req?.socket,
      });
    },
    plugins: [
      useExecutor({ suggestions: config.introspection }),
      ...(config.graphiql ? [useGraphiql()] : []),
      useStrictRequests(),
      useRetryAfter(),
      eventStreams.plugin,
      useLimits(limitsOf(config)),
      ...(config.introspection ? [] : [useDisableIntrospection()]),
      useTracing(),
      ...(shared.observer ? [useObserver(shared.observer)] : []),
      useErrors(onFault, correlationIdOf),
      useSubscriptionBudget(options.budgets),
      useConsistency(),
    ],
  });
}

function limitsOf(config: Config): Limits {
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

/** Of an operation that has no context of its own yet. */
function correlationIdOf({ caller, request }: { readonly caller?: Caller; readonly request?: Request }) {
  return caller?.correlationId ?? request?.headers.get(CORRELATION_HEADER) ?? undefined;
}
