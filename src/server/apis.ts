import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KnownDocuments } from '../graphql/documents/known-documents.ts';
import type { TrustedDocuments } from '../graphql/documents/trusted-documents.ts';
import type { Graphql } from './graphql.ts';
import type { HttpContext } from './http/requests/graphql-requests.ts';
import { answerRequests, type JsonRequests } from './http/requests/json-requests.ts';
import type { Visit } from './limits/visit.ts';

/** What transports need of an API. */
export interface TransportApi extends Graphql {
  readonly documents: TrustedDocuments;
  readonly known: KnownDocuments;
}

/** An API that is in use. It is not closed until it is released. */
export interface ApiLease {
  readonly api: TransportApi;
  /** Idempotent. Undefined if the API is always there. */
  readonly release?: () => void;
}

/** The API of a server, or those of its tenants. */
export type Apis =
  | { readonly one: TransportApi }
  /** @throws {TenantUnknownError} {@link TenantUnavailableError} if the tenant cannot be served now. */
  | { readonly ofTenant: (tenant: string) => Promise<ApiLease> };

type AnswerRequest = (request: IncomingMessage, response: ServerResponse, context: HttpContext) => unknown;

/** The API for a caller. */
export function lendTo(apis: Apis, { authenticated }: Visit): ApiLease | Promise<ApiLease> {
  if ('one' in apis) return { api: apis.one };
  // Nobody without a tenant gets this far.
  const tenant = authenticated?.actor.tenant;
  if (tenant === undefined) throw new Error('The caller has no tenant.');
  return apis.ofTenant(tenant);
}

/** Answers requests with the API of their callers. An API is in use until its answer has been sent or nobody wants it any more. */
export function answerWith(apis: Apis, tools: Pick<JsonRequests, 'turns'>): AnswerRequest {
  if ('one' in apis) return answerRequests({ ...apis.one, ...tools });
  const answers = new WeakMap<TransportApi, AnswerRequest>();
  const answerOf = (api: TransportApi): AnswerRequest => {
    const known = answers.get(api) ?? answerRequests({ ...api, ...tools });
    answers.set(api, known);
    return known;
  };
  return async (request, response, context) => {
    const { api, release } = await lendTo(apis, context.visit);
    try {
      // A command goes on although its client is gone.
      await answerOf(api)(request, response, context);
    } finally {
      if (response.closed) release?.();
      else if (release) response.once('close', release);
    }
  };
}
