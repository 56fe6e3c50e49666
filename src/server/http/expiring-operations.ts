import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { atMoment } from '../expiry.ts';
import type { Visit } from '../limits/visit.ts';
import type { HttpContext } from './requests/graphql-requests.ts';

type OperationResult = ExecutionResult | AsyncIterable<ExecutionResult>;

/** A new request with the same token would now get 401. */
const EXPIRED = new GraphQLError('The access token has expired; get a new one and ask again.', {
  extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } },
});

/**
 * When an access token expires, ends the operations that still run with the error UNAUTHENTICATED: queries, and
 * subscriptions that wait for their first message. Commands were authorised when they were accepted, and their outcome
 * must not be hidden.
 */
export function useExpiringOperations(): Plugin<object, Partial<HttpContext>> {
  const commands = new WeakSet<Visit>();
  return {
    onParams: ({ context: { visit }, paramsHandler, setParamsHandler }) => {
      const expiresAt = visit?.authenticated?.expiresAt;
      if (!visit || !expiresAt) return;
      setParamsHandler((payload) => untilExpired(paramsHandler(payload), expiresAt, () => !commands.has(visit)));
    },
    onExecute: ({ args }) => {
      const { document, operationName } = args as unknown as ExecutionArgs;
      const { visit } = args.contextValue as Partial<HttpContext>;
      if (visit && getOperationAST(document, operationName)?.operation === 'mutation') commands.add(visit);
    },
  };
}

/** The result, or the error that the access token has expired if that comes first. @param mayEnd false if it must not end then. */
export async function untilExpired<R extends OperationResult>(
  running: R | PromiseLike<R>,
  expiresAt: Date,
  mayEnd: () => boolean = () => true,
): Promise<R | ExecutionResult> {
  const { promise: expired, resolve } = Promise.withResolvers<ExecutionResult>();
  let isExpired = false;
  const forget = atMoment(expiresAt, () => {
    if (!mayEnd()) return;
    isExpired = true;
    resolve({ errors: [EXPIRED] });
  });
  const result = Promise.resolve(running);
  // Nobody reads a subscription that starts too late.
  result.then(
    (late) => {
      if (isExpired && Symbol.asyncIterator in late) void late[Symbol.asyncIterator]().return?.();
    },
    () => {},
  );
  try {
    return await Promise.race([result, expired]);
  } finally {
    forget();
  }
}
