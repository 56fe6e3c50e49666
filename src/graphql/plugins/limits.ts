import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  OverlappingFieldsCanBeMergedRule,
  type ValidationRule,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import { argumentPath } from '../documents/argument-path.ts';
import { toClientError } from '../errors.ts';
import { type DocumentLimits, parseWithin } from '../limits/document.ts';
import { OperationCosts } from '../limits/operation-costs.ts';
import { type OperationLimits, OperationMeter } from '../limits/operation-meter.ts';
import { overlappingFieldsRule } from '../limits/overlapping-fields.ts';
import { checkVariables, type VariableLimits } from '../limits/variables.ts';

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
 * Refuses operations that would cost too much, on every transport: a document before it is validated, and the variables
 * of an operation before they are coerced. The time of each check is bounded by its own limit.
 */
export function useLimits(limits: RequestLimits): Plugin {
  let costs: OperationCosts | undefined;
  const costsOf = (schema: GraphQLSchema) => {
    costs ??= new OperationCosts(new OperationMeter(schema, limits.operation));
    return costs;
  };
  const validateWithin = (schema: GraphQLSchema, document: DocumentNode, rules: readonly ValidationRule[]) => {
    const refused = costsOf(schema).refuse(document);
    if (refused) return [refused];
    const linear = rules.map((rule) => (rule === OverlappingFieldsCanBeMergedRule ? overlappingFieldsRule : rule));
    const options = { maxErrors: MAX_ERRORS, hideSuggestions: !limits.suggestions };
    return validate(schema, document, linear, options).map((error) => withArgument(document, error));
  };
  const onStart = ({ args, setResultAndStopExecution: stop }: Start): undefined => {
    try {
      checkVariables(args.variableValues, limits.variables);
    } catch (error) {
      stop({ errors: [toClientError(error) ?? (error as GraphQLError)] });
      return;
    }
    const { schema, document, operationName, variableValues } = args;
    const operation = getOperationAST(document, operationName);
    if (!operation) return;
    const { cost, refused } = costsOf(schema).of(document, operation, variableValues ?? {});
    (args.contextValue as Context).operation.costs(cost);
    if (refused) stop({ errors: [refused] });
  };
  return {
    onParse: ({ setParseFn }) => setParseFn((source) => parseWithin(source, limits.document)),
    onValidate: ({ setValidationFn }) => setValidationFn(validateWithin as never),
    onExecute: (start) => onStart(start as unknown as Start),
    onSubscribe: (start) => onStart(start as unknown as Start),
  };
}

/** An error of a value that is written into the document, with the path of its argument. */
function withArgument(document: DocumentNode, error: GraphQLError): GraphQLError {
  const { message, nodes, originalError, extensions } = error;
  const path = nodes?.[0] && argumentPath(document, nodes[0]);
  if (!path) return error;
  return new GraphQLError(message, { nodes, path, originalError, extensions });
}

/** The common part of the hooks for executing and subscribing. */
interface Start {
  readonly args: ExecutionArgs;
  readonly setResultAndStopExecution: (result: { errors: GraphQLError[] }) => void;
}
