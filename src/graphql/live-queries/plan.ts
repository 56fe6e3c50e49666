import {
  type DocumentNode,
  type FieldNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  print,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { isPolled } from '../consistency/polled.ts';
import { touchedBy } from '../consistency/touched.ts';
import { partsOf } from '../documents/parts.ts';
import { type FragmentsByName, fragmentsOf, rootFieldsOf } from '../documents/root-fields.ts';
import { BadUserInputError } from '../errors.ts';
import { LIVE_FIELD } from './live-field.ts';

/** The selection of a live query, as a query of its own. */
export interface LivePlan {
  /** The field as the client wrote it, for its arguments. */
  readonly field: FieldNode;
  /** The name of the field in the answer: `live`, or its alias. */
  readonly name: string;
  /** Equal for subscriptions that ask for the same, however they write it. */
  readonly text: string;
  readonly document: DocumentNode;
  /** Names of the variables that it uses. */
  readonly variables: readonly string[];
  /** The read models that its fields are resolved from. */
  readonly touched: readonly string[];
  /** Fields at the root of the query: what its execution costs, besides bytes. */
  readonly fields: number;
  /** True if some fields change without any read model announcing it. */
  readonly isPolled: boolean;
}

const plans = new WeakMap<OperationDefinitionNode, LivePlan>();

/**
 * The plan of a subscription to {@link LIVE_FIELD}; undefined for every other subscription. Made once for each document.
 * @throws {BadUserInputError} if the selection introspects the schema, which does not change.
 */
export function planOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): LivePlan | undefined {
  const known = plans.get(operation);
  if (known) return known;
  const fragments = fragmentsOf(document);
  const fields = rootFieldsOf(operation, fragments);
  const [field] = fields;
  if (field?.name.value !== LIVE_FIELD) return undefined;
  const plan = newPlan(schema, operation, fields as [FieldNode, ...FieldNode[]], fragments);
  plans.set(operation, plan);
  return plan;
}

function newPlan(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  fields: readonly [FieldNode, ...FieldNode[]],
  fragments: FragmentsByName,
): LivePlan {
  // A document may write its one root field several times.
  const selectionSet: SelectionSetNode = {
    kind: Kind.SELECTION_SET,
    selections: fields.flatMap((each) => each.selectionSet?.selections ?? []),
  };
  const { fragments: used, variables } = partsOf(selectionSet, fragments);
  const query: OperationDefinitionNode = {
    kind: Kind.OPERATION_DEFINITION,
    operation: OperationTypeNode.QUERY,
    selectionSet,
    variableDefinitions: variableDefinitions.filter(({ variable }) => variables.has(variable.name.value)),
  };
  const text = print({ kind: Kind.DOCUMENT, definitions: [query, ...used] });
  // Other subscribers may have written it differently, so that places in this client's text mean nothing to them.
  const document = parse(text, { noLocation: true });
  refuseIntrospection(document);
  const [operation] = document.definitions as [OperationDefinitionNode];
  const [field] = fields;
  return {
    field,
    name: field.alias?.value ?? field.name.value,
    text,
    document,
    variables: [...variables],
    fields: rootFieldsOf(operation, fragmentsOf(document)).length,
    touched: touchedBy(schema, document, operation),
    isPolled: isPolled(schema, operation, used),
  };
}

/** @throws {BadUserInputError} if a document asks for the schema. */
function refuseIntrospection(document: DocumentNode): void {
  visit(document, {
    Field: ({ name }) => {
      if (name.value !== '__schema' && name.value !== '__type') return;
      throw new BadUserInputError('The schema does not change while a server runs: ask for it with a query.');
    },
  });
}
