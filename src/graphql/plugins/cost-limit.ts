import { type CostLimitOptions, costLimitRule } from '@escape.tech/graphql-armor-cost-limit';
import {
  type ArgumentNode,
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  ValidationContext,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { DEFAULT_PAGE } from '../read/page.ts';

/** The variables of a document that are lengths of lists. */
const sizeVariables = new WeakMap<DocumentNode, readonly string[]>();

/** Lengths with which a document was fine are remembered so often; clients have few page sizes. */
const MAX_REMEMBERED = 100;

type SizeOf = (variable: string) => string | undefined;

/**
 * Refuses operations that cost too much. graphql-armor's rule counts the length of a list only where it is written out, so
 * it is asked of the document with all lengths written out: where none is given the default, and where it is a variable,
 * as clients write it, when the variables are known.
 */
export function useCostLimit(options: CostLimitOptions): Plugin {
  const rule = costLimitRule(options);
  const check = (schema: GraphQLSchema, document: DocumentNode, operations: readonly OperationDefinitionNode[]) => {
    const context = new ValidationContext(schema, document, new TypeInfo(schema), () => {});
    for (const operation of operations) rule(context).OperationDefinition.enter(operation);
  };
  /** Operations, with the lengths of their lists, that are known to be fine. */
  const fine = new WeakMap<DocumentNode, Set<string>>();
  const onStart = ({ args, stop }: { args: ExecutionArgs; stop: (result: { errors: GraphQLError[] }) => void }) => {
    const variables = sizeVariablesOf(args.document);
    if (variables.length === 0) return;
    const sizeOf = sizesOf(args);
    const asked = [args.operationName, ...variables.map(sizeOf)].join();
    const known = fine.get(args.document) ?? new Set();
    if (known.has(asked)) return;
    const document = withSizes(args.schema, args.document, sizeOf);
    const operation = getOperationAST(document, args.operationName);
    if (!operation) return;
    try {
      check(args.schema, document, [operation]);
    } catch (error) {
      stop({ errors: [error as GraphQLError] });
      return;
    }
    if (known.size < MAX_REMEMBERED) fine.set(args.document, known.add(asked));
  };
  return {
    onValidate: ({ addValidationRule }) =>
      addValidationRule((context: ValidationContext) => {
        const asked = context.getDocument();
        if (sizeVariablesOf(asked).length > 0) return {};
        const document = withSizes(context.getSchema(), asked, () => undefined);
        check(
          context.getSchema(),
          document,
          document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION),
        );
        return {};
      }),
    onExecute: ({ args, setResultAndStopExecution }) =>
      onStart({ args: args as unknown as ExecutionArgs, stop: setResultAndStopExecution }),
    onSubscribe: ({ args, setResultAndStopExecution }) =>
      onStart({ args: args as unknown as ExecutionArgs, stop: setResultAndStopExecution }),
  };
}

function sizeVariablesOf(document: DocumentNode): readonly string[] {
  const known = sizeVariables.get(document);
  if (known) return known;
  const found = new Set<string>();
  visit(document, {
    Argument: (node) => {
      if (isSize(node) && node.value.kind === Kind.VARIABLE) found.add(node.value.name.value);
    },
  });
  sizeVariables.set(document, [...found]);
  return [...found];
}

/** The lengths that variables give; whatever else a variable is, is refused when it is coerced. */
function sizesOf({ document, operationName, variableValues }: ExecutionArgs): SizeOf {
  const definitions = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  return (name) => {
    const value = variableValues?.[name];
    const byDefault = definitions.find(({ variable }) => variable.name.value === name)?.defaultValue;
    if (value === undefined && byDefault?.kind === Kind.INT) return byDefault.value;
    return Number.isInteger(value) ? String(value) : undefined;
  };
}

/** The document with the length of every list written out. */
function withSizes(schema: GraphQLSchema, document: DocumentNode, sizeOf: SizeOf): DocumentNode {
  const typeInfo = new TypeInfo(schema);
  const Field = (node: FieldNode): FieldNode | undefined => {
    if (!typeInfo.getFieldDef()?.args.some(({ name }) => name === 'first')) return undefined;
    const given = (node.arguments ?? []).filter(isSize).map(({ value }) => {
      if (value.kind === Kind.VARIABLE) return sizeOf(value.name.value);
      return value.kind === Kind.INT ? value.value : undefined;
    });
    const size: ArgumentNode = {
      kind: Kind.ARGUMENT,
      name: { kind: Kind.NAME, value: 'first' },
      value: { kind: Kind.INT, value: given.find((value) => value !== undefined) ?? String(DEFAULT_PAGE) },
    };
    return { ...node, arguments: [...(node.arguments ?? []).filter((argument) => !isSize(argument)), size] };
  };
  return visit(document, visitWithTypeInfo(typeInfo, { Field }));
}

function isSize({ name }: ArgumentNode): boolean {
  return name.value === 'first' || name.value === 'last';
}
