import {
  DirectiveLocation,
  type DirectiveNode,
  type ExecutionArgs,
  GraphQLDirective,
  GraphQLEnumType,
  GraphQLInt,
  GraphQLNonNull,
  type GraphQLScalarType,
  GraphQLSchema,
  getArgumentValues,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  type VariableDefinitionNode,
} from 'graphql';
import type { Engine } from '../../kernel/engine.ts';
import { inSpan, isTraced } from '../../kernel/observe/trace.ts';
import type { Context } from '../context.ts';
import { BadUserInputError } from '../errors.ts';
import type { ReadWaited } from '../observe.ts';
import { areAt, DEFAULT_WAIT_MS, MAX_WAIT_MS, positionsOf, waitFor } from './wait.ts';

const OnTimeout = new GraphQLEnumType({
  name: 'OnTimeout',
  description: 'What a read does if its read models are not fresh enough in time.',
  values: {
    ERROR: { description: 'Answer CONSISTENCY_TIMEOUT.' },
    STALE: { description: 'Answer with the available data and report it in `extensions.consistency.stale`.' },
  },
});

const NAME = 'readAfter';

/** The description of the schema, which a reader of the documentation sees first. */
const WHERE_TO_BEGIN = `Write with a mutation: each is a command and returns a \`CommandReceipt\` or the reason why nothing was done.
Read with a query, which shows what you have written if \`@readAfter\` has the receipt's \`token\`; follow changes with a subscription.`;

/** The schema with the directive `@readAfter`, and with an introduction as its description. */
export function withReadAfter(schema: GraphQLSchema): GraphQLSchema {
  const token = new GraphQLNonNull(schema.getType('ConsistencyToken') as GraphQLScalarType);
  const directive = new GraphQLDirective({
    name: NAME,
    description: `Reads of this operation wait until every read model that it touches has reached \`token\`.
Past \`timeoutMs\` (default ${DEFAULT_WAIT_MS}, at most ${MAX_WAIT_MS}) the operation answers CONSISTENCY_TIMEOUT or, with STALE, the available data,
and says so in \`extensions.consistency.stale\`.
The same as an HTTP header: \`read-after: TOKEN[, TOKEN…]\`.`,
    locations: [DirectiveLocation.QUERY],
    isRepeatable: true,
    args: {
      token: { type: token, description: 'From a receipt, or from an earlier answer.' },
      timeoutMs: { type: GraphQLInt, description: 'How long to wait at most, in milliseconds.' },
      onTimeout: { type: OnTimeout, description: 'ERROR by default.' },
    },
  });
  const config = schema.toConfig();
  return new GraphQLSchema({ ...config, description: WHERE_TO_BEGIN, directives: [...config.directives, directive] });
}

/** The directives of an operation, and the definitions of the variables in them. */
interface Directives {
  readonly nodes: readonly DirectiveNode[];
  readonly variables: readonly VariableDefinitionNode[];
}

const NO_DIRECTIVES: Directives = { nodes: [], variables: [] };
const byOperation = new WeakMap<OperationDefinitionNode, Directives>();

function directivesOf(operation: OperationDefinitionNode): Directives {
  const known = byOperation.get(operation);
  if (known) return known;
  const nodes = operation.directives?.filter(({ name }) => name.value === NAME) ?? [];
  const names = nodes
    .flatMap((node) => node.arguments ?? [])
    .map(({ value }) => (value.kind === Kind.VARIABLE ? value.name.value : undefined));
  const variables = operation.variableDefinitions?.filter(({ variable }) => names.includes(variable.name.value)) ?? [];
  byOperation.set(operation, { nodes, variables });
  return { nodes, variables };
}

interface ReadAfterRequest {
  readonly token: string;
  readonly timeoutMs: number;
  readonly mayBeStale: boolean;
}

/**
 * Before a query is executed, waits once for what it asks to be read after. Waiting holds nothing of the database and
 * ends when the client goes away.
 *
 * @returns undefined if there is nothing to wait for, as usual.
 * @throws {TokenError} ConsistencyTimeoutError, ReadElsewhereError, {@link BadUserInputError}, ThrottledError
 */
export function awaitTokens(
  args: QueryArgs,
  operation: OperationDefinitionNode,
  touched: readonly string[],
  header: string | null | undefined,
  context: Context,
): Promise<void> | undefined {
  const { schema, variableValues } = args;
  const { engine, consistency, observer } = context;
  const directive = schema.getDirective(NAME);
  const { nodes, variables } = directive ? directivesOf(operation) : NO_DIRECTIVES;
  if (nodes.length === 0 && !header) {
    consistency.reads(touched);
    return undefined;
  }
  // Variables as sent may have the wrong type, and lack the defaults of the document.
  const { coerced } = getVariableValues(schema, variables, variableValues ?? {});
  // The execution reports what is wrong with them.
  if (!coerced) return undefined;
  const wanted = [
    ...nodes.map((node) => fromDirective(directive as GraphQLDirective, node, coerced)),
    ...fromHeader(header),
  ];
  if (isTraced() || !wanted.every(({ token }) => isReached(engine, touched, token))) {
    return awaitAll(args, operation, wanted, touched, context);
  }
  if (wanted.length > 0) observer.tell('readWaited', { ms: 0, kind: 'reached' });
  consistency.reads(touched);
  return undefined;
}

type QueryArgs = Pick<ExecutionArgs, 'schema' | 'variableValues'>;

/** True if all of these read models are at or past a token, as far as this process knows. @throws {TokenError} */
function isReached(engine: Engine, touched: readonly string[], token: string): boolean {
  const position = engine.tokens.decode(token);
  return position <= engine.projector.head.position && areAt(engine, touched, position);
}

async function awaitAll(
  { schema, variableValues }: QueryArgs,
  operation: OperationDefinitionNode,
  wanted: readonly ReadAfterRequest[],
  touched: readonly string[],
  context: Context,
): Promise<void> {
  const { engine, consistency } = context;
  // Check all tokens first: if one is not valid, waiting for the others is pointless.
  const positions = await positionsOf(
    engine,
    wanted.map(({ token }) => token),
  );
  const waits = wanted.map((one, index) => ({ ...one, position: positions[index] as number }));
  if (!waits.every(({ position }) => areAt(engine, touched, position))) {
    // Do not wait for a query whose execution will be refused.
    const all = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {});
    if (!all.coerced) return;
  }
  if (waits.length > 0) {
    await inSpan('query wait', detailsOf(waits, touched, context), () => waitInTurn(waits, touched, context));
  }
  consistency.reads(touched);
}

type Wait = ReadAfterRequest & { readonly position: number };

async function waitInTurn(waits: Wait[], touched: readonly string[], context: Context): Promise<void> {
  const { engine, consistency, observer, operation, caller } = context;
  const { signal } = operation;
  // Sort by deadline, then by position, furthest first: for each deadline, the furthest position covers the others. So
  // a query needs one wait for each read model, however many tokens there are.
  waits.sort((a, b) => a.timeoutMs - b.timeoutMs || b.position - a.position);
  const began = performance.now();
  let kind: ReadWaited['kind'] = 'reached';
  try {
    for (const { position, timeoutMs, mayBeStale } of waits) {
      const left = Math.max(0, timeoutMs - (performance.now() - began));
      const late = await waitFor(engine, touched, position, { timeoutMs: left, signal, caller });
      if (late) kind = 'late';
      if (late && !mayBeStale) throw late;
      if (late) consistency.markStale();
    }
  } catch (error) {
    if (kind !== 'late') kind = 'refused';
    throw error;
  } finally {
    observer.tell('readWaited', { ms: performance.now() - began, kind });
  }
}

function detailsOf(waits: readonly Wait[], touched: readonly string[], { operation }: Context) {
  const position = Math.max(...waits.map((wait) => wait.position));
  const { traceparent } = operation;
  return { traceparent, attributes: { 'afterwrite.position': position, 'afterwrite.projections': [...touched] } };
}

function fromDirective(
  directive: GraphQLDirective,
  node: DirectiveNode,
  variables: Record<string, unknown>,
): ReadAfterRequest {
  const values = getArgumentValues(directive, node, variables);
  const timeoutMs = (values.timeoutMs as number | null | undefined) ?? DEFAULT_WAIT_MS;
  if (timeoutMs < 0) throw new BadUserInputError(`timeoutMs is 0 or more, not ${timeoutMs}.`);
  return {
    token: values.token as string,
    timeoutMs: Math.min(timeoutMs, MAX_WAIT_MS),
    mayBeStale: values.onTimeout === 'STALE',
  };
}

function fromHeader(header: string | null | undefined): ReadAfterRequest[] {
  const tokens = (header ?? '').split(',').map((token) => token.trim());
  return tokens.filter(Boolean).map((token) => ({ token, timeoutMs: DEFAULT_WAIT_MS, mayBeStale: false }));
}
