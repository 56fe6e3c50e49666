import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** Extensions of a type or field: the read models that it is resolved from. */
export type ReadModelExtensions = { readonly readModels?: readonly string[] };

type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;

const byOperation = new WeakMap<OperationDefinitionNode, readonly string[]>();

/** The read models that an operation's fields are resolved from. Derived from the schema, once for each document. */
export function touchedBy(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): readonly string[] {
  const known = byOperation.get(operation);
  if (known) return known;
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  const root = schema.getRootType(operation.operation);
  const touched = root ? touchedIn(schema, [operation.selectionSet], root, fragments) : [];
  byOperation.set(operation, touched);
  return touched;
}

/** The same for selections on a type. */
export function touchedIn(
  schema: GraphQLSchema,
  selectionSets: readonly SelectionSetNode[],
  type: GraphQLCompositeType,
  fragments: Fragments,
): readonly string[] {
  const touched = new Set<string>();
  const visited = new Set<string>();
  const add = ({ readModels = [] }: ReadModelExtensions) => {
    for (const name of readModels) touched.add(name);
  };
  const visitSet = (set: SelectionSetNode, parent: GraphQLNamedType) => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition && schema.getType(selection.typeCondition.name.value);
        visitSet(selection.selectionSet, condition ?? parent);
      } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments[selection.name.value];
        if (!fragment || visited.has(fragment.name.value)) continue;
        visited.add(fragment.name.value);
        visitSet(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value) ?? parent);
      } else {
        const field =
          isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[selection.name.value] : undefined;
        if (!field) continue;
        const fieldType = getNamedType(field.type);
        add(field.extensions as ReadModelExtensions);
        add(fieldType.extensions as ReadModelExtensions);
        if (selection.selectionSet && isCompositeType(fieldType)) visitSet(selection.selectionSet, fieldType);
      }
    }
  };
  for (const set of selectionSets) visitSet(set, type);
  return [...touched];
}
