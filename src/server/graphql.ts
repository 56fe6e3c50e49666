import { useDisableIntrospection } from '@graphql-yoga/plugin-disable-introspection';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import type { GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type Caller, type Context, createContext, type Shared } from '../graphql/context.ts';
import { READ_AFTER_HEADER, TOKEN_HEADER, useConsistency } from '../graphql/plugins/consistency.ts';
import { answerError, type OnFault, useErrors } from '../graphql/plugins/errors.ts';
import { useLimits } from '../graphql/plugins/limits.ts';
import type { Authenticator } from './auth.ts';
import { graphiqlOptions } from './graphiql.ts';
import { correlationIdFrom, traceparentFrom } from './request-id.ts';

export interface GraphqlOptions {
  readonly schema: GraphQLSchema;
  readonly shared: Shared;
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly logger: Logger;
}

/** What the WebSocket transport passes in place of a request. */
export interface SocketContext {
  readonly caller: Caller;
}

export type Yoga = YogaServerInstance<Partial<SocketContext>, Context>;

/** The GraphQL pipeline: Yoga with every default that matters set explicitly. HTTP, SSE and WebSocket all pass here. */
export function createGraphql({ schema, shared, config, authenticator, logger }: GraphqlOptions): Yoga {
  const onFault: OnFault = (err, correlationId) => logger.error({ err, correlationId }, 'a request failed');
  return createYoga<Partial<SocketContext>, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    batching: false,
    multipart: false,
    cors: config.corsOrigins.length > 0 && {
      origin: [...config.corsOrigins],
      credentials: true,
      methods: ['GET', 'POST', 'OPTIONS'],
      allowedHeaders: ['content-type', 'authorization', 'x-correlation-id', 'traceparent', READ_AFTER_HEADER],
      exposedHeaders: [TOKEN_HEADER, 'x-correlation-id'],
    },
    logging: false,
    maskedErrors: { maskError: (error) => answerError(error, undefined, onFault) },
    graphiql: config.graphiql && (() => graphiqlOptions()),
    renderGraphiQL,
    context: async ({ request, caller }) => {
      if (caller) return createContext(shared, caller);
      const authenticated = await authenticator.authenticate(request.headers.get('authorization') ?? undefined);
      return createContext(shared, {
        actor: authenticated?.actor ?? null,
        correlationId: correlationIdFrom(request.headers.get('x-correlation-id')),
        traceparent: traceparentFrom(request.headers.get('traceparent')),
        signal: request.signal,
      });
    },
    plugins: [
      useJsonOnly(),
      useLimits({
        depth: config.graphqlMaxDepth,
        aliases: config.graphqlMaxAliases,
        tokens: config.graphqlMaxTokens,
        cost: config.graphqlMaxCost,
      }),
      ...(config.introspection ? [] : [useDisableIntrospection()]),
      useErrors(onFault),
      useConsistency(),
    ],
  });
}

/** A form on another site could send a mutation with the user's cookies; JSON needs a preflight, which CORS decides. */
function useJsonOnly(): Plugin {
  return {
    onRequest: ({ request, fetchAPI, endResponse }) => {
      const type = request.headers.get('content-type') ?? '';
      if (
        request.method !== 'POST' ||
        /^application\/(graphql\+)?json\b|^application\/graphql-response\+json\b/.test(type)
      )
        return;
      const message = 'Send operations as JSON, with content-type: application/json.';
      endResponse(
        fetchAPI.Response.json({ errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }] }, { status: 415 }),
      );
    },
  };
}
