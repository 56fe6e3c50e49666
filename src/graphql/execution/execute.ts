import {
  assertValidSchema,
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql';
import { CollectedErrors } from './collected-errors.ts';
import { type Data, executeFields, executeSerially } from './fields.ts';
import { OperationPlans } from './operation-plans.ts';
import { isPromise } from './run.ts';
import type { Execution } from './types.ts';

/** Most errors of variables that are reported; the search ends there. */
export const MAX_COERCION_ERRORS = 10;

export interface OperationArgs
  extends Pick<
    ExecutionArgs,
    'schema' | 'document' | 'rootValue' | 'variableValues' | 'operationName' | 'hideSuggestions'
  > {
  /** Its budget is charged for every field, while it is resolved. */
  readonly contextValue: Execution['context'];
}

/** The plans of each schema. */
const plans = new WeakMap<GraphQLSchema, OperationPlans>();

/**
 * Executes an operation of a valid document as graphql-js does, with the same answer and the same errors. What does not
 * depend on values is planned once for each operation: which fields are selected of which type, and how their values
 * are charged and completed.
 *
 * @returns the answer, or a promise of it if something has to be waited for. It does not reject.
 */
export function execute(args: OperationArgs): ExecutionResult | Promise<ExecutionResult> {
  const { schema, document, rootValue, contextValue, operationName } = args;
  const operation = getOperationAST(document, operationName);
  if (!operation) return { errors: [noOperation(operationName)] };
  const variables = getVariableValues(schema, operation.variableDefinitions ?? [], args.variableValues ?? {}, {
    maxErrors: MAX_COERCION_ERRORS,
    hideSuggestions: args.hideSuggestions ?? false,
  });
  if (!variables.coerced) return { errors: variables.errors };
  const ofSchema = plansOf(schema);
  const errors = new CollectedErrors();
  const run: Execution = {
    ...{ schema, operation, errors, root: rootValue, context: contextValue, variables: variables.coerced },
    fragments: ofSchema.fragmentsOf(document),
  };
  const answer = (data: Data | null): ExecutionResult =>
    errors.list.length > 0 ? { errors: errors.list, data } : { data };
  const failed = (error: unknown) => {
    errors.add(error as GraphQLError, undefined);
    return answer(null);
  };
  try {
    const data = executeRoot(run, ofSchema);
    return isPromise(data) ? (data as Promise<Data>).then(answer, failed) : answer(data as Data);
  } catch (error) {
    return failed(error);
  }
}

function executeRoot(run: Execution, ofSchema: OperationPlans) {
  const { schema, operation, root } = run;
  const type = schema.getRootType(operation.operation);
  if (!type) throw noRoot(operation);
  const selection = ofSchema.rootOf(run, type);
  if (operation.operation === OperationTypeNode.MUTATION) return executeSerially(run, selection, root);
  // Each message of a subscription has a budget of its own.
  if (operation.operation === OperationTypeNode.SUBSCRIPTION) run.context.budget.reset();
  return executeFields(run, selection, root, undefined);
}

/**
 * Subscribes as graphql-js does. Each message is the answer of {@link execute}.
 * @throws what is no error of the operation.
 */
export async function subscribe(
  args: OperationArgs,
): Promise<ExecutionResult | AsyncIterableIterator<ExecutionResult>> {
  const options = { maxCoercionErrors: MAX_COERCION_ERRORS };
  const source = await createSourceEventStream({ ...args, options } as ExecutionArgs);
  return Symbol.asyncIterator in source ? answered(source as AsyncIterable<unknown>, args) : source;
}

/** Executes the operation for each message, one at a time: the next message is read when its answer is asked for. */
function answered(source: AsyncIterable<unknown>, args: OperationArgs): AsyncIterableIterator<ExecutionResult> {
  const messages = source[Symbol.asyncIterator]();
  const answer = async ({ value, done }: IteratorResult<unknown>): Promise<IteratorResult<ExecutionResult>> =>
    done ? { value: undefined, done } : { value: await execute({ ...args, rootValue: value }), done: false };
  return {
    next: async () => answer(await messages.next()),
    return: async () => answer((await messages.return?.()) ?? { value: undefined, done: true }),
    throw: async (error) => answer((await messages.throw?.(error)) ?? (await Promise.reject(error))),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function noOperation(name: string | null | undefined): GraphQLError {
  if (name === null || name === undefined)
    return new GraphQLError('Must provide operation name if query contains multiple operations.');
  return new GraphQLError(`Unknown operation named "${name}".`);
}

function noRoot(operation: OperationDefinitionNode): GraphQLError {
  const message = `Schema is not configured to execute ${operation.operation} operation.`;
  return new GraphQLError(message, { nodes: operation });
}

function plansOf(schema: GraphQLSchema): OperationPlans {
  let known = plans.get(schema);
  if (!known) {
    assertValidSchema(schema);
    known = new OperationPlans();
    plans.set(schema, known);
  }
  return known;
}
