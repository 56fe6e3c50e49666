import { type ExecutionArgs, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { UnauthenticatedError } from '../kernel/errors.ts';
import { atMoment } from './expiry.ts';
import type { Visit } from './limits/visit.ts';

/**
 * Ends queries that are still under way when their access token expires, with the error UNAUTHENTICATED. Commands were
 * authorised when they were taken, and are answered: their outcome must not be hidden.
 */
export function useExpiringQueries(): Plugin {
  return {
    onExecute: ({ args, executeFn, setExecuteFn }) => {
      const { visit } = args.contextValue as { visit?: Visit };
      const expiresAt = visit?.authenticated?.expiresAt;
      if (!expiresAt) return;
      const { document, operationName } = args as unknown as ExecutionArgs;
      if (getOperationAST(document, operationName)?.operation !== 'query') return;
      setExecuteFn((own) => untilExpired(expiresAt, () => executeFn(own)));
    },
  };
}

async function untilExpired(expiresAt: Date, execute: () => unknown): Promise<unknown> {
  const result = execute();
  if (!(result instanceof Promise)) return result;
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const forget = atMoment(expiresAt, () =>
    reject(new UnauthenticatedError('The access token has expired; get a new one and ask again.')),
  );
  try {
    return await Promise.race([result, expired]);
  } catch (error) {
    if (error instanceof UnauthenticatedError) return { errors: [error as never] };
    throw error;
  } finally {
    forget();
  }
}
