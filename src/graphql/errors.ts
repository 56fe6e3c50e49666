import { GraphQLError } from 'graphql';
import { isCancelled } from '../database/driver/cancellation.ts';
import { TokenError } from '../kernel/consistency/token.ts';
import { ConsistencyTimeoutError, ReadElsewhereError } from '../kernel/consistency/wait-errors.ts';
import {
  ElsewhereError,
  ForbiddenError,
  OutcomeUnknownError,
  TenantUnknownError,
  ThrottledError,
  UnauthenticatedError,
} from '../kernel/errors.ts';
import { withoutStack } from './limits/without-stack.ts';

/** The client asks for something impossible. The message says what to ask for instead. */
export class BadUserInputError extends Error {
  readonly code = 'BAD_USER_INPUT';
  /** Facts for programs, in the error's `extensions`. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'BadUserInputError';
    this.facts = facts;
  }
}

/** An operation, or one of its statements, took too long. */
export class OperationTimeoutError extends Error {
  readonly code = 'TIMEOUT';

  /** @param timeoutMs the operation's limit; undefined if one of its statements took too long. */
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
    'TENANT_REQUIRED',
    'TENANT_UNKNOWN',
    'FORBIDDEN',
  ] as const),
  ...(['BAD_USER_INPUT', 'THROTTLED', 'OUTCOME_UNKNOWN', 'TIMEOUT', 'INTERNAL_SERVER_ERROR'] as const),
  ...(['PERSISTED_QUERY_NOT_FOUND', 'PERSISTED_QUERY_NOT_SUPPORTED'] as const),
] as const;

export type RequestErrorCode = (typeof REQUEST_ERROR_CODES)[number];

const CODES: ReadonlySet<unknown> = new Set(REQUEST_ERROR_CODES);

/** The facts of an error that a client may know; undefined if the error is a fault and must be masked. */
function factsOf(error: unknown): Record<string, unknown> | undefined {
  if (error instanceof ConsistencyTimeoutError) {
    const { code, state, projected } = error;
    return { code, ...placeOf(error), state, ...(projected === undefined ? {} : { projected }) };
  }
  if (error instanceof ElsewhereError) {
    const { code, retryAfterMs } = error;
    const read = error instanceof ReadElsewhereError ? placeOf(error) : {};
    // Status 503 makes a proxy try another instance.
    return { code, retryAfterMs, ...read, http: { status: 503 } };
  }
  if (error instanceof ThrottledError) return { code: error.code, retryAfterMs: error.retryAfterMs };
  if (error instanceof OperationTimeoutError) return { code: error.code };
  if (error instanceof BadUserInputError) return { code: error.code, ...error.facts };
  if (error instanceof OutcomeUnknownError) return { code: error.code, commandId: error.commandId };
  const plain = [TokenError, UnauthenticatedError, TenantUnknownError, ForbiddenError];
  return plain.some((kind) => error instanceof kind) ? { code: (error as TokenError).code } : undefined;
}

/** Where a read model is, and where a read needs it to be. */
function placeOf({ projection, required, current }: ConsistencyTimeoutError | ReadElsewhereError) {
  return { projection, required, current };
}

/** Undoes the wrapping of execution and delegation. */
function innermost(error: unknown): unknown {
  let inner = error;
  while (inner instanceof GraphQLError && inner.originalError) inner = inner.originalError;
  return inner;
}

/** Longest message; longer ones quote what the client sent. */
const MAX_MESSAGE = 400;

/** An error in the form for the client, with a code; undefined if it is a fault that must be masked. */
export function toClientError(error: unknown): GraphQLError | undefined {
  const cause = innermost(error);
  const inner = isCancelled(cause) ? new OperationTimeoutError() : cause;
  const located = error instanceof GraphQLError ? error : undefined;
  const facts = factsOf(inner);
  if (facts) return rewrite(located, clipped((inner as Error).message), facts);
  if (!(inner instanceof GraphQLError)) return undefined;
  if (CODES.has(inner.extensions.code)) return inner;
  // An error of graphql-js or Yoga: an invalid request, document or variables. The outermost error says which. Its own
  // codes and facts are not part of our API, but its HTTP status is.
  const { http } = (located ?? inner).extensions;
  const { message } = located ?? inner;
  return rewrite(located ?? inner, clipped(message), { code: 'BAD_USER_INPUT', ...(http ? { http } : {}) });
}

function clipped(message: string): string {
  if (message.length <= MAX_MESSAGE) return message;
  return `${message.slice(0, MAX_MESSAGE / 2)} … ${message.slice(-MAX_MESSAGE / 2)}`;
}

/** The details of a fault that a masked error shows to the author of a resolver. */
export interface ShownFault {
  readonly message: string;
  /** The lines of the stack. */
  readonly stack: readonly string[];
}

/**
 * The error that the client gets for a fault. The operator finds the fault in the log by the correlation id.
 * @param fault what the client may know of it.
 */
export function maskedError(error: unknown, correlationId: string | undefined, fault?: ShownFault): GraphQLError {
  return rewrite(error instanceof GraphQLError ? error : undefined, 'Something went wrong on our side.', {
    code: 'INTERNAL_SERVER_ERROR',
    ...(correlationId ? { correlationId } : {}),
    ...(fault ? { fault } : {}),
  });
}

function rewrite(
  located: GraphQLError | undefined,
  message: string,
  extensions: Record<string, unknown>,
): GraphQLError {
  const { nodes, source, positions, path } = located ?? {};
  const facts = {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions,
  };
  // Clients get no stack, and the log has that of the original error.
  return withoutStack(() => new GraphQLError(message, facts));
}
