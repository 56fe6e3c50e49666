import { hash } from 'node:crypto';
import type { ExecutionArgs, ExecutionResult, GraphQLSchema } from 'graphql';
import { cancelledBy } from '../../../database/driver/cancellation.ts';
import type { Signal } from '../../../database/signal.ts';
import { inSpan } from '../../../kernel/observe/trace.ts';
import type { Turns } from '../../../scheduling/turns.ts';
import { SharedJson } from '../../answer/shared-json.ts';
import { SLICE_BYTES, slicedJson } from '../../answer/sliced-json.ts';
import { type Caller, type Context, createContext, type Shared } from '../../context.ts';
import type { RequestErrorCode } from '../../errors.ts';
import { execute } from '../../execution/execute.ts';
import { clientResult, type ReportFault, withoutStatus } from '../../plugins/errors.ts';
import { OperationDeadline } from '../../plugins/operation-deadline.ts';
import type { ReadRecorder } from '../../read/read-recorder.ts';

/** What executions for several subscribers work with. */
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
export interface SharedExecution extends Pick<ExecutionArgs, 'document' | 'operationName' | 'rootValue'> {
  /** Its name in traces. */
  readonly name: string;
  /** Values of the variables that the operation uses, as a client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** The read models that its fields are resolved from. */
  readonly touched: readonly string[];
  /** One of those who ask, and whose shares it uses. */
  readonly caller: Pick<Caller, 'actor' | 'address' | 'correlationId' | 'countsAs'>;
  readonly reads: ReadRecorder & { readonly rightsTo: ReadonlySet<string> };
  /** Aborted when nobody asks any more. */
  readonly signal: Signal | undefined;
  /** Told of bytes that are charged after the answer, for statements that were cancelled. */
  readonly chargeLater: (bytes: number) => void;
  /** Makes a message of the result; by default the result is the message. */
  readonly messageOf?: (result: ExecutionResult) => ExecutionResult;
}

export interface SharedAnswer {
  /** The message without its extensions. */
  readonly json: SharedJson;
  readonly errors: ExecutionResult['errors'];
  /** What its caller is charged for: what was read and answered, in bytes. */
  readonly chargedBytes: number;
  /** Equal for equal answers. */
  readonly digest: string;
  readonly stale: boolean;
  /** It failed, in whole or in part, for a reason that may pass. */
  readonly mayPass: boolean;
  /** It depends on who asks, and not only on their rights to the touched read models. */
  readonly isPersonal: boolean;
}

/** Errors that another execution may not have. */
const PASSING: ReadonlySet<unknown> = new Set<RequestErrorCode>(['INTERNAL_SERVER_ERROR', 'TIMEOUT', 'THROTTLED']);

/** Executes an operation once for several subscribers, with all limits of a query. Faults are masked, and reported once. */
export function executeShared(
  { schema, shared, turns, timeoutMs, reportFault }: ExecutionTools,
  execution: SharedExecution,
): Promise<SharedAnswer> {
  const { document, operationName, rootValue, variables, touched, caller, reads, signal, messageOf } = execution;
  const context = createContext(shared, { ...caller, signal }, reads);
  const { budget, consistency, operation } = context;
  consistency.executes(touched);
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
  const args = { schema, document, operationName, rootValue, contextValue, variableValues: variables };
  const attributes = { 'afterwrite.correlation_id': caller.correlationId, 'afterwrite.projections': [...touched] };
  return inSpan(execution.name, { attributes }, async () => {
    try {
      const executed = Promise.resolve(cancelledBy(deadline, () => execute(args)));
      const result = clientResult(await deadline.orTimeout(executed, (late) => late), context, reportFault);
      const { data, errors } = messageOf ? messageOf(result) : result;
      const shown = errors?.map(withoutStatus);
      const message = { data: data ?? null, ...(shown && { errors: shown }) };
      const json = await written(message, budget.answerBytes, () => turns.take(context.caller));
      const { isStale: stale } = consistency;
      const foreign = [...reads.rightsTo].some((projection) => !touched.includes(projection));
      return {
        json,
        errors: shown,
        chargedBytes: budget.chargedBytes,
        digest: digestOf(json, stale),
        stale,
        mayPass: errors?.some(({ extensions }) => PASSING.has(extensions.code)) ?? false,
        isPersonal: hasAskedWho || foreign,
      };
    } finally {
      budget.chargeLater(execution.chargeLater);
      deadline.end();
      budget.end();
    }
  });
}

async function written(message: object, answerBytes: number, turn: () => Promise<void>): Promise<SharedJson> {
  return new SharedJson(answerBytes > SLICE_BYTES ? await slicedJson(message, turn) : JSON.stringify(message));
}

function digestOf({ pieces, text }: SharedJson, stale: boolean): string {
  const digest = hash('sha256', pieces ? Buffer.concat(pieces) : text, 'base64');
  return stale ? `${digest} stale` : digest;
}
