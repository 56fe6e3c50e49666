import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  getArgumentValues,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  type SelectionSetNode,
} from 'graphql';
import { touchedBy } from '../../consistency/touched.ts';
import { partsOf } from '../../documents/parts.ts';
import { fragmentsOf, rootFieldsOf } from '../../documents/root-fields.ts';

/** Marks a subscription whose messages are `LiveRow`s, in the extensions of its field. */
export const ROW_MESSAGES = 'rowMessages';
/** The argument that says how fresh the first message is. No message shows it. */
const AFTER = 'after';

/** What the messages of a subscription to a row show. */
export interface RowPlan {
  /** Equal for subscriptions that ask for the same, however they write it and after whichever token. */
  readonly text: string;
  readonly document: DocumentNode;
  /** Names of the variables that it uses. */
  readonly variables: readonly string[];
  /** The read models that its fields are resolved from. */
  readonly touched: readonly string[];
}

const plans = new WeakMap<OperationDefinitionNode, RowPlan>();

/** The plan of a subscription to a row; undefined for every other operation. Made once for each document. */
export function rowPlanOf({ schema, document, operationName }: ExecutionArgs): RowPlan | undefined {
  const operation = getOperationAST(document, operationName);
  if (!operation) return undefined;
  const known = plans.get(operation);
  if (known) return known;
  const fragments = fragmentsOf(document);
  const fields = rootFieldsOf(operation, fragments);
  const { extensions } = schema.getSubscriptionType()?.getFields()[fields[0]?.name.value ?? ''] ?? {};
  if (extensions?.[ROW_MESSAGES] !== true) return undefined;
  const selectionSet: SelectionSetNode = { kind: Kind.SELECTION_SET, selections: fields.map(withoutAfter) };
  const { fragments: used, variables } = partsOf(selectionSet, fragments);
  const { variableDefinitions = [] } = operation;
  const asked: OperationDefinitionNode = {
    kind: Kind.OPERATION_DEFINITION,
    operation: operation.operation,
    selectionSet,
    variableDefinitions: variableDefinitions.filter(({ variable }) => variables.has(variable.name.value)),
  };
  const text = print({ kind: Kind.DOCUMENT, definitions: [asked, ...used] });
  // Other subscribers may have written it differently, so that places in this client's text mean nothing to them.
  const own = parse(text, { noLocation: true });
  const touched = touchedBy(schema, own, own.definitions[0] as OperationDefinitionNode);
  const plan = { text, document: own, variables: [...variables], touched };
  plans.set(operation, plan);
  return plan;
}

/** The token that the first message of a subscription to a row is after; undefined without one. */
export function afterOf({ schema, document, operationName, variableValues }: ExecutionArgs): string | undefined {
  const operation = getOperationAST(document, operationName);
  const [field] = operation ? rootFieldsOf(operation, fragmentsOf(document)) : [];
  const definition = schema.getSubscriptionType()?.getFields()[field?.name.value ?? ''];
  if (!operation || !field || !definition) return undefined;
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {});
  const { [AFTER]: after } = getArgumentValues(definition, field, coerced);
  return typeof after === 'string' ? after : undefined;
}

function withoutAfter(field: FieldNode): FieldNode {
  return { ...field, arguments: field.arguments?.filter(({ name }) => name.value !== AFTER) ?? [] };
}
