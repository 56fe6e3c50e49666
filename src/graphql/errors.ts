import { GraphQLError } from 'graphql';
import { isCancelled } from '../database/driver/cancellation.ts';
import { ConsistencyTimeoutError } from '../kernel/consistency/positions.ts';
import { TokenError } from '../kernel/consistency/token.ts';
import { ForbiddenError, OutcomeUnknownError, ThrottledError, UnauthenticatedError } from '../kernel/errors.ts';
import { NewerEventError } from '../kernel/log/newer-events.ts';

/** What the client asked for cannot be: the message says what to ask for instead. */
export class BadUserInputError extends Error {
  readonly code = 'BAD_USER_INPUT';
  /** What programs may want to know, in the error's `extensions`. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'BadUserInputError';
    this.facts = facts;
  }
}

/** An operation, or a statement that it needs, took longer than it may. */
export class OperationTimeoutError extends Error {
  readonly code = 'TIMEOUT';

  /** @param timeoutMs that it had; undefined if it was a statement of it. */
  constructor(timeoutMs?: number) {
    const limit = timeoutMs === undefined ? 'Reading took too long' : `The operation took longer than ${timeoutMs} ms`;
    super(`${limit} and was ended. Ask for less at once: narrower filters, smaller pages, fewer fields.`);
    this.name = 'OperationTimeoutError';
  }
}

/** All codes in `extensions.code` of the API's errors, over HTTP, server-sent events and WebSocket. */
export const REQUEST_ERROR_CODES = [
  ...([
    'CONSISTENCY_TIMEOUT',
    'INVALID_TOKEN',
    'FOREIGN_TOKEN',
    'TOKEN_AHEAD',
    'UNAUTHENTICATED',
    'FORBIDDEN',
  ] as const),
  ...(['BAD_USER_INPUT', 'THROTTLED', 'OUTCOME_UNKNOWN', 'TIMEOUT', 'INTERNAL_SERVER_ERROR'] as const),
  ...(['PERSISTED_QUERY_NOT_FOUND', 'PERSISTED_QUERY_NOT_SUPPORTED'] as const),
] as const;

export type RequestErrorCode = (typeof REQUEST_ERROR_CODES)[number];

const CODES: ReadonlySet<unknown> = new Set(REQUEST_ERROR_CODES);

/** The facts of an error that a client may know; undefined where it is a fault, and nobody's business. */
function factsOf(error: unknown): Record<string, unknown> | undefined {
  if (error instanceof ConsistencyTimeoutError) {
    const { code, projection, required, current, state, projected } = error;
    return { code, projection, required, current, state, ...(projected === undefined ? {} : { projected }) };
  }
  if (error instanceof NewerEventError) {
    // Proxies try another instance then.
    return { code: error.code, retryAfterMs: error.retryAfterMs, http: { status: 503 } };
  }
  if (error instanceof ThrottledError) return { code: error.code, retryAfterMs: error.retryAfterMs };
  if (error instanceof OperationTimeoutError) return { code: error.code };
  if (error instanceof BadUserInputError) return { code: error.code, ...error.facts };
  if (error instanceof OutcomeUnknownError) return { code: error.code, commandId: error.commandId };
  if (error instanceof TokenError || error instanceof UnauthenticatedError || error instanceof ForbiddenError) {
    return { code: error.code };
  }
  return undefined;
}

/** Undoes the wrapping that executing and delegating do. */
function innermost(error: unknown): unknown {
  let inner = error;
  while (inner instanceof GraphQLError && inner.originalError) inner = inner.originalError;
  return inner;
}

/** Of what a client sent, an answer repeats at most so much. */
const MAX_MESSAGE = 400;

/** An error as the client gets it, with a code; undefined where it is a fault that has to be masked. */
export function toClientError(error: unknown): GraphQLError | undefined {
  const cause = innermost(error);
  const inner = isCancelled(cause) ? new OperationTimeoutError() : cause;
  const located = error instanceof GraphQLError ? error : undefined;
  const facts = factsOf(inner);
  if (facts) return rewrite(located, clipped((inner as Error).message), facts);
  if (!(inner instanceof GraphQLError)) return undefined;
  if (CODES.has(inner.extensions.code)) return inner;
  // graphql-js or Yoga: a request, a document or variables that are not what they should be. The outermost says which; its
  // own codes and facts are not the API's, how it answers over HTTP is.
  const { http } = (located ?? inner).extensions;
  const { message } = located ?? inner;
  return rewrite(located ?? inner, clipped(message), { code: 'BAD_USER_INPUT', ...(http ? { http } : {}) });
}

function clipped(message: string): string {
  if (message.length <= MAX_MESSAGE) return message;
  return `${message.slice(0, MAX_MESSAGE / 2)} … ${message.slice(-MAX_MESSAGE / 2)}`;
}

/** What stands for a fault: the operator finds it in the log by the correlation id. */
export function maskedError(error: unknown, correlationId: string | undefined): GraphQLError {
  return rewrite(error instanceof GraphQLError ? error : undefined, 'Something went wrong on our side.', {
    code: 'INTERNAL_SERVER_ERROR',
    ...(correlationId ? { correlationId } : {}),
  });
}

function rewrite(
  located: GraphQLError | undefined,
  message: string,
  extensions: Record<string, unknown>,
): GraphQLError {
  const { nodes, source, positions, path } = located ?? {};
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions,
  });
}
