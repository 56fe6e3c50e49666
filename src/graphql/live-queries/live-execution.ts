import { hash } from 'node:crypto';
import { type ExecutionResult, execute, GraphQLError, type GraphQLSchema } from 'graphql';
import { cancelledBy } from '../../database/driver/cancellation.ts';
import type { Signal } from '../../database/signal.ts';
import { inSpan } from '../../kernel/observe/trace.ts';
import type { Turns } from '../../scheduling/turns.ts';
import { SLICE_BYTES, slicedJson } from '../answer/sliced-json.ts';
import { type Caller, type Context, createContext, type Shared } from '../context.ts';
import type { RequestErrorCode } from '../errors.ts';
import { clientResult, type ReportFault } from '../plugins/errors.ts';
import { OperationDeadline } from '../plugins/operation-deadline.ts';
import type { LivePlan } from './plan.ts';
import type { RecordedReads } from './watch/recorded-reads.ts';

/** What executions of live queries work with. */
export interface ExecutionTools {
  readonly schema: GraphQLSchema;
  readonly shared: Shared;
  /** Turns of large answers on the event loop. */
  readonly turns: Turns;
  /** Limit of one execution, in ms. */
  readonly timeoutMs: number;
  readonly reportFault: ReportFault;
}

/** One execution, for everybody who asks the same. */
export interface LiveExecution {
  readonly plan: LivePlan;
  /** Values of the variables that the plan uses, as a client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** One of those who ask, and whose shares it uses. */
  readonly caller: Pick<Caller, 'actor' | 'address' | 'correlationId' | 'countsAs'>;
  readonly reads: RecordedReads;
  /** Aborted when nobody asks any more. */
  readonly signal: Signal;
}

export interface LiveAnswer {
  /** As it is sent. Many subscribers share it. */
  readonly result: ExecutionResult;
  /** Size of the answer as JSON, in bytes. */
  readonly bytes: number;
  /** What its caller is charged for: what was read and answered, in bytes. */
  readonly chargedBytes: number;
  /** Equal for equal answers. */
  readonly digest: string;
  readonly stale: boolean;
  /** It failed, in whole or in part, for a reason that may pass. */
  readonly mayPass: boolean;
  /** It depends on who asks, and not only on their rights to the read models of the plan. */
  readonly isPersonal: boolean;
}

/** Errors that another execution may not have. */
const PASSING: ReadonlySet<unknown> = new Set<RequestErrorCode>(['INTERNAL_SERVER_ERROR', 'TIMEOUT', 'THROTTLED']);

/** Executes the query of a plan once, with all limits of a query. Faults are masked, and reported once. */
export function executeLive(
  tools: ExecutionTools,
  { plan, variables, caller, reads, signal }: LiveExecution,
): Promise<LiveAnswer> {
  const { schema, shared, turns, timeoutMs, reportFault } = tools;
  const context = createContext(shared, { ...caller, signal }, reads);
  const { budget, consistency, operation } = context;
  consistency.executes(plan.touched);
  let hasAskedWho = false;
  const contextValue: Context = Object.defineProperty(context, 'actor', {
    get: () => {
      hasAskedWho = true;
      return caller.actor;
    },
  });
  const deadline = new OperationDeadline(timeoutMs, context, signal);
  deadline.begin();
  operation.limitTo(deadline.signal);
  const args = { schema, document: plan.document, rootValue: {}, contextValue, variableValues: variables };
  const attributes = { 'afterwrite.correlation_id': caller.correlationId, 'afterwrite.projections': [...plan.touched] };
  return inSpan('live query', { attributes }, async () => {
    try {
      const executed = Promise.resolve(cancelledBy(deadline, () => execute(args)));
      const result = clientResult(await deadline.orTimeout(executed, (late) => late), context, reportFault);
      const message = messageOf(plan.name, result);
      const { digest, bytes } = await measured(message, budget.answerBytes, () => turns.take(context.caller));
      const { isStale: stale } = consistency;
      const foreign = [...reads.rightsTo].some((projection) => !plan.touched.includes(projection));
      return {
        result: message,
        bytes,
        chargedBytes: budget.chargedBytes,
        digest: stale ? `${digest} stale` : digest,
        stale,
        mayPass: result.errors?.some(({ extensions }) => PASSING.has(extensions.code)) ?? false,
        isPersonal: hasAskedWho || foreign,
      };
    } finally {
      deadline.end();
      budget.end();
    }
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

async function measured(
  message: ExecutionResult,
  answerBytes: number,
  turn: () => Promise<void>,
): Promise<{ digest: string; bytes: number }> {
  const json =
    answerBytes > SLICE_BYTES ? Buffer.concat(await slicedJson(message, turn)) : Buffer.from(JSON.stringify(message));
  return { digest: hash('sha256', json, 'base64'), bytes: json.length };
}
