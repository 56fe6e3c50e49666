import {
  type DocumentNode,
  type ExecutionArgs,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  OverlappingFieldsCanBeMergedRule,
  type ValidationRule,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { toClientError } from '../errors.ts';
import { type DocumentLimits, parseWithin } from '../limits/document.ts';
import { type OperationLimits, OperationMeter } from '../limits/operation-meter.ts';
import type { VariableSizes } from '../limits/operation-walk.ts';
import { overlappingFieldsRule } from '../limits/overlapping-fields.ts';
import { checkVariables, elementsIn, type VariableLimits } from '../limits/variables.ts';

export interface RequestLimits {
  readonly document: DocumentLimits;
  readonly operation: OperationLimits;
  readonly variables: VariableLimits;
  /** Whether errors may suggest names of the schema. */
  readonly suggestions: boolean;
}

/** Most errors of a document that are reported. */
const MAX_ERRORS = 10;
/**
 * Maximum number of sizes of variables that are remembered as acceptable for each operation. Clients use few page
 * sizes.
 */
const MAX_REMEMBERED = 100;

/**
 * Refuses operations that would cost too much, on every transport: a document before it is validated, and the variables
 * of an operation before they are coerced. The time of each check is bounded by its own limit.
 */
export function useLimits(limits: RequestLimits): Plugin {
  let meter: OperationMeter | undefined;
  /** Operations whose cost depends on variables, with the names of these. */
  const priced = new WeakMap<OperationDefinitionNode, readonly string[]>();
  /** Sizes that are known to be acceptable. */
  const fine = new WeakMap<OperationDefinitionNode, Set<string>>();
  const meterOf = (schema: GraphQLSchema) => {
    meter ??= new OperationMeter(schema, limits.operation);
    return meter;
  };
  const validateWithin = (schema: GraphQLSchema, document: DocumentNode, rules: readonly ValidationRule[]) => {
    const refused = meterOf(schema).refuse(document, (operation, names) => priced.set(operation, names));
    if (refused) return [refused];
    const linear = rules.map((rule) => (rule === OverlappingFieldsCanBeMergedRule ? overlappingFieldsRule : rule));
    return validate(schema, document, linear, { maxErrors: MAX_ERRORS, hideSuggestions: !limits.suggestions });
  };
  const refuseCost = (args: ExecutionArgs): GraphQLError | undefined => {
    const operation = getOperationAST(args.document, args.operationName);
    const names = operation && priced.get(operation);
    if (!names) return undefined;
    const sizes = sizesOf(operation, args.variableValues ?? {});
    const asked = names.map((name) => `${sizes.page(name)} ${sizes.elements(name)}`).join();
    const known = fine.get(operation) ?? new Set();
    if (known.has(asked)) return undefined;
    const refused = meterOf(args.schema).refuseCost(args.document, operation, sizes);
    if (!refused && known.size < MAX_REMEMBERED) fine.set(operation, known.add(asked));
    return refused;
  };
  const onStart = ({ args, setResultAndStopExecution: stop }: Start): undefined => {
    try {
      checkVariables(args.variableValues, limits.variables);
    } catch (error) {
      stop({ errors: [toClientError(error) ?? (error as GraphQLError)] });
      return;
    }
    const refused = refuseCost(args as unknown as ExecutionArgs);
    if (refused) stop({ errors: [refused] });
  };
  return {
    onParse: ({ setParseFn }) => setParseFn((source) => parseWithin(source, limits.document)),
    onValidate: ({ setValidationFn }) => setValidationFn(validateWithin as never),
    onExecute: (start) => onStart(start as unknown as Start),
    onSubscribe: (start) => onStart(start as unknown as Start),
  };
}

/** What the hooks for executing and subscribing have in common. */
interface Start {
  readonly args: ExecutionArgs;
  readonly setResultAndStopExecution: (result: { errors: GraphQLError[] }) => void;
}

function sizesOf(operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): VariableSizes {
  const byDefault = (name: string) =>
    operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  return {
    page: (name) => {
      const value = variables[name];
      const literal = value === undefined ? byDefault(name) : undefined;
      if (literal?.kind === Kind.INT) return Number(literal.value);
      return Number.isInteger(value) ? (value as number) : undefined;
    },
    elements: (name) => elementsIn(variables[name]),
  };
}
