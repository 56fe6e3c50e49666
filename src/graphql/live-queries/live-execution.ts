import { type ExecutionResult, GraphQLError } from 'graphql';
import type { Signal } from '../../database/signal.ts';
import {
  type ExecutionTools,
  executeShared,
  type SharedAnswer,
  type SharedExecution,
} from '../live/shared/shared-execution.ts';
import type { LivePlan } from './plan.ts';
import type { RecordedReads } from './watch/recorded-reads.ts';

/** One execution of a live query. */
export interface LiveExecution extends Pick<SharedExecution, 'variables' | 'caller' | 'chargeLater'> {
  readonly plan: LivePlan;
  readonly reads: RecordedReads;
  /** Aborted when nobody asks any more. */
  readonly signal: Signal;
}

/** Executes the query of a plan once, for everybody who asks the same. */
export function executeLive(
  tools: ExecutionTools,
  { plan, variables, caller, reads, signal, chargeLater }: LiveExecution,
): Promise<SharedAnswer> {
  return executeShared(tools, {
    ...{ name: 'live query', document: plan.document, rootValue: {}, touched: plan.touched },
    ...{ variables, caller, reads, signal, chargeLater },
    messageOf: (result) => messageOf(plan.name, result),
  });
}

/** The answer of a query as the message of a subscription whose root field has this name. */
function messageOf(name: string, { data, errors }: ExecutionResult): ExecutionResult {
  // The root field cannot be null, so that an answer without data leaves a message without data.
  return {
    data: data ? { [name]: data } : null,
    ...(errors ? { errors: errors.map((error) => under(name, error)) } : {}),
  };
}

/** The same error with a path that begins at the root of the subscription. */
function under(name: string, { message, path, extensions }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { extensions, path: path ? [name, ...path] : null });
}
