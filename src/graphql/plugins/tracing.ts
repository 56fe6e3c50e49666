import type { Span } from '@opentelemetry/api';
import { type ExecutionArgs, type ExecutionResult, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { endedBy, inside, isTraced, startSpan, traceparentOf } from '../../kernel/observe/trace.ts';
import type { Context } from '../context.ts';
import { toClientError } from '../errors.ts';

/**
 * A span for every operation, as part of the client's trace; whatever the operation causes is part of it. A
 * subscription's span ends when its first message can be awaited. Must come before all plugins that do work at
 * execution.
 */
export function useTracing(): Plugin {
  return {
    onExecute: ({ args, executeFn, setExecuteFn }) => {
      const span = startOperation(args);
      if (!span) return undefined;
      setExecuteFn((own) => inside(span, () => executeFn(own)));
      return { onExecuteDone: ({ result }) => end(span, result) };
    },
    onSubscribe: ({ args, subscribeFn, setSubscribeFn }) => {
      const span = startOperation(args);
      if (!span) return undefined;
      setSubscribeFn((own) => inside(span, () => subscribeFn(own)));
      return { onSubscribeResult: ({ result }) => end(span, result) };
    },
  };
}

function startOperation(args: ExecutionArgs): Span | undefined {
  if (!isTraced()) return undefined;
  const operation = getOperationAST(args.document, args.operationName);
  const context = args.contextValue as Context;
  const { operation: running, correlationId } = context;
  const kind = operation?.operation ?? 'query';
  const span = startSpan(kind, {
    traceparent: running.traceparent,
    attributes: {
      'graphql.operation.type': kind,
      ...(operation?.name ? { 'graphql.operation.name': operation.name.value } : {}),
      'afterwrite.correlation_id': correlationId,
    },
  });
  running.tracedBy(traceparentOf(span));
  return span;
}

function end(span: Span, result: ExecutionResult | AsyncIterable<unknown>): void {
  const errors = Symbol.asyncIterator in result ? undefined : result.errors;
  // A fault, if there is one, says more than an error of the client.
  const fault = errors?.find((error) => toClientError(error) === undefined);
  if (fault) endedBy(span, fault.originalError ?? fault);
  if (errors) span.setAttribute('graphql.errors', errors.length);
  span.end();
}
