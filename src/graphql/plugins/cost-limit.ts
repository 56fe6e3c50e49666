import { type CostLimitOptions, costLimitRule } from '@escape.tech/graphql-armor-cost-limit';
import {
  type ArgumentNode,
  type DocumentNode,
  type ExecutionArgs,
  type GraphQLError,
  getOperationAST,
  Kind,
  TypeInfo,
  ValidationContext,
  visit,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Documents in which the length of a list is a variable. */
const bySize = new WeakMap<DocumentNode, boolean>();

/**
 * Refuses operations that cost too much. graphql-armor's rule knows the length of a list where it is a literal; where it is a
 * variable, as clients write it, the rule is asked once more when the variables are known.
 */
export function useCostLimit(options: CostLimitOptions): Plugin {
  const rule = costLimitRule(options);
  const onStart = ({ args, stop }: { args: ExecutionArgs; stop: (result: { errors: GraphQLError[] }) => void }) => {
    if (!hasVariableSize(args.document)) return;
    const document = withSizes(args);
    const operation = getOperationAST(document, args.operationName);
    if (!operation) return;
    const context = new ValidationContext(args.schema, document, new TypeInfo(args.schema), () => {});
    try {
      rule(context).OperationDefinition.enter(operation);
    } catch (error) {
      stop({ errors: [error as GraphQLError] });
    }
  };
  return {
    onValidate: ({ addValidationRule }) => addValidationRule(rule),
    onExecute: ({ args, setResultAndStopExecution }) =>
      onStart({ args: args as unknown as ExecutionArgs, stop: setResultAndStopExecution }),
    onSubscribe: ({ args, setResultAndStopExecution }) =>
      onStart({ args: args as unknown as ExecutionArgs, stop: setResultAndStopExecution }),
  };
}

function hasVariableSize(document: DocumentNode): boolean {
  let found = bySize.get(document);
  if (found === undefined) {
    found = false;
    visit(document, {
      Argument: (node) => {
        if (isVariableSize(node)) found = true;
      },
    });
    bySize.set(document, found);
  }
  return found;
}

/** The document with the lengths of lists that the variables give. */
function withSizes({ document, operationName, variableValues }: ExecutionArgs): DocumentNode {
  const definitions = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  const sizeOf = (name: string) => {
    const value = variableValues?.[name];
    const byDefault = definitions.find(({ variable }) => variable.name.value === name)?.defaultValue;
    if (value === undefined && byDefault?.kind === Kind.INT) return byDefault.value;
    // Whatever else it is, is refused when it is coerced.
    return Number.isInteger(value) ? String(value) : undefined;
  };
  return visit(document, {
    Argument: (node) => {
      const value = isVariableSize(node) && node.value.kind === Kind.VARIABLE && sizeOf(node.value.name.value);
      return value ? { ...node, value: { kind: Kind.INT, value } } : undefined;
    },
  });
}

function isVariableSize({ name, value }: ArgumentNode): boolean {
  return value.kind === Kind.VARIABLE && ['first', 'last'].includes(name.value);
}
