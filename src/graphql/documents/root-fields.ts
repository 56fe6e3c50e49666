import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

export type FragmentsByName = ReadonlyMap<string, FragmentDefinitionNode>;

/** The fragments of a document. */
export function fragmentsOf({ definitions }: DocumentNode): FragmentsByName {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  return fragments;
}

/** The fields at the root of a subscription. Validation guarantees that they are the same field. */
export function rootFieldsOf({ selectionSet }: OperationDefinitionNode, fragments: FragmentsByName): FieldNode[] {
  return fieldsIn(selectionSet, fragments);
}

function fieldsIn({ selections }: SelectionSetNode, fragments: FragmentsByName): FieldNode[] {
  return selections.flatMap((selection: SelectionNode): FieldNode[] => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) return fieldsIn(selection.selectionSet, fragments);
    const fragment = fragments.get(selection.name.value);
    return fragment ? fieldsIn(fragment.selectionSet, fragments) : [];
  });
}
